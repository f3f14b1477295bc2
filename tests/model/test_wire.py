"""What the wire refuses: second spellings, numbers that do not survive, fields that nobody asked for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.errors import EscrowError, MalformedError, TooLargeError
from escrow.model.wire import (
    MAX_INTEGER,
    Fields,
    Json,
    check_hex,
    check_time,
    decode_json,
    encode_json,
    from_base64,
    from_time,
    to_base64,
    to_time,
)

LIMIT = 100_000


def refusal(act: Callable[[], object]) -> EscrowError:
    with pytest.raises(EscrowError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a":1,"a":2}', id="key_twice"),
        pytest.param(b'{"a":{"b":1,"b":1}}', id="key_twice_deep_inside"),
        pytest.param(b'{"a":1,"\\u0061":2}', id="key_twice_once_escaped"),
        pytest.param(b'{"a":1.0}', id="float"),
        pytest.param(b'{"a":1e2}', id="exponent"),
        pytest.param(b'{"a":-0.0}', id="negative_zero_float"),
        pytest.param(b'{"a":NaN}', id="nan"),
        pytest.param(b'{"a":Infinity}', id="infinity"),
        pytest.param(b'{"a":-Infinity}', id="minus_infinity"),
        pytest.param(b'{"a":9007199254740992}', id="integer_beyond_53_bits"),
        pytest.param(b'{"a":-9007199254740992}', id="negative_integer_beyond_53_bits"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="integer_of_5000_digits"),
        pytest.param(b'{"a":01}', id="leading_zero"),
        pytest.param(b'{"a":1,}', id="trailing_comma"),
        pytest.param(b'{"a":1}x', id="text_after_the_end"),
        pytest.param(b'{"a":1}{"a":1}', id="two_objects"),
        pytest.param(b'{"a":"\x01"}', id="control_character"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte_order_mark"),
        pytest.param(b'{"a":"\xff"}', id="not_utf_8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate_in_utf_8"),
        pytest.param('{"a":1}'.encode("utf-16"), id="utf_16"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[" * 50_000, id="depth_bomb_of_lists"),
        pytest.param(b'{"a":' * 16_000, id="depth_bomb_of_objects"),
        pytest.param(b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", id="depth_bomb_that_closes"),
    ],
)
def test_json_that_is_not_strict_is_refused(raw: bytes) -> None:
    error = refusal(lambda: decode_json(raw, limit=LIMIT, field="body"))
    assert (error.code, error.fields) == ("field_not_json", {"field": "body"})


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"a"', b"1", b"true"])
def test_json_that_is_no_object_is_refused(raw: bytes) -> None:
    assert refusal(lambda: decode_json(raw, limit=LIMIT, field="body")).code == "field_not_an_object"


def test_oversize_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(TooLargeError) as caught:
        decode_json(b"x" * 11, limit=10, field="body")
    assert caught.value.fields == {"field": "body", "limit": 10}


@pytest.mark.parametrize(
    "unit", [b"[],", b"{},", b"0,", b'"",', b"[[[[[[]]]]]],", b'{"a":{"a":0}},', b"{ } ,"]
)
def test_bomb_of_small_values_is_refused_before_it_is_parsed(
    unit: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 MiB of `[],` took 474 MiB."""
    monkeypatch.setattr("json.loads", None)
    raw = b'{"a":[' + unit * 65_536 + b"0]}"
    error = refusal(lambda: decode_json(raw, limit=len(raw), field="body"))
    assert isinstance(error, TooLargeError)
    assert (error.code, error.fields) == ("json_too_many_items", {"field": "body", "limit": 65_536})


def test_json_of_as_many_values_as_there_may_be_is_read() -> None:
    raw = b'{"a":[' + b"0," * 65_534 + b"0]}"
    assert len(decode_json(raw, limit=len(raw), field="body")["a"]) == 65_535
    assert refusal(lambda: decode_json(b'{"b":0,' + raw[1:], limit=LIMIT * 9, field="body")).code == (
        "json_too_many_items"
    )


def test_json_at_the_limit_is_read() -> None:
    raw = b'{"a":9007199254740991}'
    assert decode_json(raw, limit=len(raw), field="body") == {"a": MAX_INTEGER}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("QQ==", id="padding"),
        pytest.param("QR", id="trailing_bits"),
        pytest.param("QUF", id="trailing_bits_of_two_bytes"),
        pytest.param("A", id="one_letter"),
        pytest.param("+/+/", id="the_other_alphabet"),
        pytest.param("QU FB", id="space"),
        pytest.param("QUFB\n", id="line_break"),
        pytest.param("QUFB====", id="padding_alone"),
        pytest.param("=", id="only_padding"),
        pytest.param("ÄÄÄÄ", id="not_ascii"),
        pytest.param("\ud800AAA", id="lone_surrogate"),
        pytest.param("AAA\0", id="null_character"),
    ],
)
def test_second_spelling_of_base64url_is_refused(text: str) -> None:
    error = refusal(lambda: from_base64(text, field="key"))
    assert (error.code, error.fields) == ("field_not_base64url", {"field": "key"})


@given(st.binary(max_size=200))
def test_base64url_round_trip(raw: bytes) -> None:
    assert from_base64(to_base64(raw), field="x") == raw


@given(st.text(alphabet="ABCZabcz019-_+/= \n", max_size=12))
def test_base64url_has_one_spelling(text: str) -> None:
    try:
        raw = from_base64(text, field="x")
    except MalformedError:
        return
    assert to_base64(raw) == text


@pytest.mark.parametrize("text", ["AB", "ag", "0x", "a", "abc", "٠٠", "ab\n", "abcd", ""])
def test_hex_that_is_not_lowercase_or_of_its_size_is_refused(text: str) -> None:
    error = refusal(lambda: check_hex(text, size=1, field="id"))
    assert (error.code, error.fields) == ("field_not_hex", {"field": "id", "bytes": 1})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-12-01T00:00:00Z", id="no_milliseconds"),
        pytest.param("2026-12-01T00:00:00.000000Z", id="microseconds"),
        pytest.param("2026-12-01T00:00:00.000+00:00", id="offset"),
        pytest.param("2026-12-01T00:00:00.000z", id="lower_case_z"),
        pytest.param("2026-12-01 00:00:00.000Z", id="space"),
        pytest.param("2026-12-01T00:00:00.000", id="no_zone"),
        pytest.param("2026-13-01T00:00:00.000Z", id="month_13"),
        pytest.param("2026-02-30T00:00:00.000Z", id="30_february"),
        pytest.param("2026-12-01T24:00:00.000Z", id="hour_24"),
        pytest.param("2026-12-01T00:00:60.000Z", id="leap_second"),
        pytest.param("0000-01-01T00:00:00.000Z", id="year_0"),
        pytest.param("٢026-12-01T00:00:00.000Z", id="arabic_digit"),
        pytest.param("2026-12-01T00:00:00.000Z\n", id="line_break"),
        pytest.param("20261-12-01T00:00:00.000Z", id="five_digit_year"),
        pytest.param("", id="nothing"),
    ],
)
def test_time_in_another_form_is_refused(text: str) -> None:
    assert refusal(lambda: from_time(text, field="at")).code == "field_not_a_time"


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00.000Z",
        "1999-12-31T23:59:59.999Z",
        "2300-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
    ],
)
def test_date_at_the_end_of_time_is_refused(text: str) -> None:
    """Whoever lives east of Greenwich cannot have 9999-12-31T23:59:59Z told in local time."""
    error = refusal(lambda: from_time(text, field="not_before"))
    assert (error.code, error.fields) == ("time_out_of_range", {"field": "not_before"})
    made = datetime.fromisoformat(text)
    assert refusal(lambda: check_time(made, field="not_before")).code == "time_out_of_range"


def test_date_at_the_end_of_time_in_another_zone_is_refused() -> None:
    west = timezone(timedelta(hours=-12))
    made = datetime(9999, 12, 31, 23, tzinfo=west)
    assert refusal(lambda: check_time(made, field="not_before")).code == "time_out_of_range"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2299, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_time_round_trip_to_the_millisecond(moment: datetime) -> None:
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert from_time(to_time(whole), field="at") == whole


def test_time_of_another_zone_is_printed_in_utc() -> None:
    east = timezone(timedelta(hours=3))
    assert to_time(datetime(2026, 12, 1, 3, tzinfo=east)) == "2026-12-01T00:00:00.000Z"


def test_time_without_a_zone_is_not_printed() -> None:
    with pytest.raises(ValueError, match="aware"):
        to_time(datetime(2026, 12, 1))  # noqa: DTZ001


Taking = Callable[[Fields], object]


def fields(**values: object) -> Fields:
    return Fields(values, at="top")


REFUSED: dict[str, tuple[Taking, dict[str, object], str]] = {
    "missing": (lambda f: f.text("a", limit=9), {}, "field_missing"),
    "unknown": (lambda f: f.done(), {"a": 1}, "field_unknown"),
    "absent_is_not_null": (lambda f: f.maybe("a", f.time), {}, "field_missing"),
    "number_for_text": (lambda f: f.text("a", limit=9), {"a": 1}, "field_not_text"),
    "null_for_text": (lambda f: f.text("a", limit=9), {"a": None}, "field_not_text"),
    "lone_surrogate": (lambda f: f.text("a", limit=9), {"a": "\ud800"}, "field_not_text"),
    "text_too_long": (lambda f: f.text("a", limit=1), {"a": "12"}, "field_too_large"),
    "data_too_short": (lambda f: f.data("a", size=2), {"a": "AA"}, "field_wrong_length"),
    "data_too_long": (lambda f: f.data("a", size=1), {"a": "AAAA"}, "field_too_large"),
    "data_over_limit": (lambda f: f.data("a", limit=2), {"a": "AAAA"}, "field_too_large"),
    "data_padded": (lambda f: f.data("a", limit=2), {"a": "AA="}, "field_not_base64url"),
    "upper_case_hex": (lambda f: f.hex("a", size=1), {"a": "AB"}, "field_not_hex"),
    "hex_too_long": (lambda f: f.hex("a", size=1), {"a": "abcd"}, "field_too_large"),
    "true_for_1": (lambda f: f.integer("a", least=0, most=9), {"a": True}, "field_not_an_integer"),
    "false_for_0": (lambda f: f.integer("a", least=0, most=9), {"a": False}, "field_not_an_integer"),
    "text_for_1": (lambda f: f.integer("a", least=0, most=9), {"a": "1"}, "field_not_an_integer"),
    "float_for_1": (lambda f: f.integer("a", least=0, most=9), {"a": 1.0}, "field_not_an_integer"),
    "too_many": (lambda f: f.integer("a", least=0, most=9), {"a": 10}, "field_out_of_range"),
    "too_few": (lambda f: f.integer("a", least=0, most=9), {"a": -1}, "field_out_of_range"),
    "0_for_false": (lambda f: f.flag("a"), {"a": 0}, "field_not_a_boolean"),
    "text_for_false": (lambda f: f.flag("a"), {"a": "false"}, "field_not_a_boolean"),
    "not_a_choice": (lambda f: f.choice("a", ("b",)), {"a": "c"}, "field_not_a_choice"),
    "empty_choice": (lambda f: f.choice("a", ("b",)), {"a": ""}, "field_not_a_choice"),
    "not_a_time": (lambda f: f.time("a"), {"a": "now"}, "field_not_a_time"),
    "object_for_list": (lambda f: f.items("a", least=0, most=1), {"a": {}}, "field_not_a_list"),
    "text_for_list": (lambda f: f.items("a", least=0, most=9), {"a": "ab"}, "field_not_a_list"),
    "list_too_short": (lambda f: f.items("a", least=1, most=1), {"a": []}, "field_wrong_count"),
    "list_too_long": (lambda f: f.items("a", least=0, most=1), {"a": [1, 2]}, "field_wrong_count"),
    "list_for_object": (lambda f: f.inner("a"), {"a": []}, "field_not_an_object"),
    "number_in_texts": (lambda f: f.texts("a", least=0, most=1, limit=9), {"a": [1]}, "field_not_text"),
    "surrogate_in_texts": (
        lambda f: f.texts("a", least=0, most=1, limit=9),
        {"a": ["\ud800"]},
        "field_not_text",
    ),
    "long_text_in_texts": (
        lambda f: f.texts("a", least=0, most=1, limit=1),
        {"a": ["ab"]},
        "field_too_large",
    ),
}


@pytest.mark.parametrize(("take", "values", "code"), REFUSED.values(), ids=REFUSED)
def test_field_that_is_not_of_its_kind_is_refused_by_name(
    take: Taking, values: dict[str, object], code: str
) -> None:
    error = refusal(lambda: take(fields(**values)))
    assert error.code == code
    assert str(error.fields["field"]).startswith("top.a")


def test_item_of_a_list_is_named_by_its_number() -> None:
    [(name, _)] = Fields({"a": [{}]}, at="top").items("a", least=1, most=1)
    assert name == "top.a[0]"


def test_name_of_an_unknown_field_is_shown_escaped_and_cut() -> None:
    """It is foreign text: it may hold what no terminal should print and no encoder takes."""
    name = refusal(lambda: fields(**{"\x1b[2J\ud800" + "y" * 1000: 1}).done()).fields["field"]
    assert isinstance(name, str)
    assert name.isascii()
    assert name.isprintable()
    assert len(name) <= 200


def test_reading_leaves_the_object_as_it_was() -> None:
    value: Json = {"a": "x", "b": None}
    reader = Fields(value)
    assert reader.text("a", limit=1) == "x"
    assert reader.maybe("b", lambda _: 1) is None
    reader.done()
    assert value == {"a": "x", "b": None}


def test_text_that_has_no_bytes_is_not_written() -> None:
    with pytest.raises(MalformedError, match="field_not_text"):
        encode_json({"a": "\ud800"})


values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), values, max_size=4))
def test_json_round_trip(value: Json) -> None:
    assert decode_json(encode_json(value), limit=LIMIT, field="x") == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0123aeE.-+ntrf', max_size=60).map(str.encode))
def test_junk_gives_nothing_but_our_errors(raw: bytes) -> None:
    try:
        found = decode_json(raw, limit=50, field="x")
    except MalformedError:
        return
    assert isinstance(found, dict)
