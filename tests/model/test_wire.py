"""What the wire refuses: every second spelling, every number that does not survive, every field nobody asked for."""

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


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_time_round_trip_to_the_millisecond(moment: datetime) -> None:
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert from_time(to_time(whole), field="at") == whole


def test_time_of_another_zone_is_printed_in_utc() -> None:
    east = timezone(timedelta(hours=3))
    assert to_time(datetime(2026, 12, 1, 3, tzinfo=east)) == "2026-12-01T00:00:00.000Z"


def test_time_without_a_zone_is_not_printed() -> None:
    with pytest.raises(ValueError, match="aware"):
        to_time(datetime(2026, 12, 1))  # noqa: DTZ001


def fields(**values: object) -> Fields:
    return Fields(values, at="top")


@pytest.mark.parametrize(
    ("act", "code"),
    [
        pytest.param(lambda: fields().text("a", limit=9), "field_missing", id="missing"),
        pytest.param(lambda: fields(a=1).done(), "field_unknown", id="unknown"),
        pytest.param(lambda: fields(a=1).text("a", limit=9), "field_not_text", id="number_for_text"),
        pytest.param(lambda: fields(a=None).text("a", limit=9), "field_not_text", id="null_for_text"),
        pytest.param(lambda: fields(a="\ud800").text("a", limit=9), "field_not_text", id="lone_surrogate"),
        pytest.param(lambda: fields(a="12").text("a", limit=1), "field_too_large", id="text_too_long"),
        pytest.param(lambda: fields(a="AA").data("a", size=2), "field_wrong_length", id="data_too_short"),
        pytest.param(lambda: fields(a="AAAA").data("a", size=1), "field_too_large", id="data_too_long"),
        pytest.param(lambda: fields(a="AAAA").data("a", limit=2), "field_too_large", id="data_over_limit"),
        pytest.param(lambda: fields(a="AA=").data("a", limit=2), "field_not_base64url", id="data_padded"),
        pytest.param(lambda: fields(a=True).integer("a", least=0, most=9), "field_not_an_integer", id="true_for_1"),
        pytest.param(lambda: fields(a=False).integer("a", least=0, most=9), "field_not_an_integer", id="false_for_0"),
        pytest.param(lambda: fields(a="1").integer("a", least=0, most=9), "field_not_an_integer", id="text_for_1"),
        pytest.param(lambda: fields(a=1.0).integer("a", least=0, most=9), "field_not_an_integer", id="float_for_1"),
        pytest.param(lambda: fields(a=10).integer("a", least=0, most=9), "field_out_of_range", id="too_many"),
        pytest.param(lambda: fields(a=-1).integer("a", least=0, most=9), "field_out_of_range", id="negative"),
        pytest.param(lambda: fields(a=0).flag("a"), "field_not_a_boolean", id="0_for_false"),
        pytest.param(lambda: fields(a="false").flag("a"), "field_not_a_boolean", id="text_for_false"),
        pytest.param(lambda: fields(a="c").choice("a", ("b",)), "field_not_a_choice", id="not_a_choice"),
        pytest.param(lambda: fields(a="").choice("a", ("b",)), "field_not_a_choice", id="empty_choice"),
        pytest.param(lambda: fields(a={}).items("a", least=0, most=1), "field_not_a_list", id="object_for_list"),
        pytest.param(lambda: fields(a="ab").items("a", least=0, most=9), "field_not_a_list", id="text_for_list"),
        pytest.param(lambda: fields(a=[]).items("a", least=1, most=1), "field_wrong_count", id="too_few"),
        pytest.param(lambda: fields(a=[1, 2]).items("a", least=0, most=1), "field_wrong_count", id="one_too_many"),
        pytest.param(lambda: fields(a=[]).inner("a"), "field_not_an_object", id="list_for_object"),
        pytest.param(lambda: fields(a=[1]).texts("a", least=0, most=1, limit=9), "field_not_text", id="number_in_texts"),
        pytest.param(
            lambda: fields(a=["\ud800"]).texts("a", least=0, most=1, limit=9), "field_not_text", id="surrogate_in_texts"
        ),
        pytest.param(
            lambda: fields(a=["ab"]).texts("a", least=0, most=1, limit=1), "field_too_large", id="long_text_in_texts"
        ),
        pytest.param(lambda: fields().maybe("a", fields().time), "field_missing", id="absent_is_not_null"),
        pytest.param(lambda: fields(a="AB").hex("a", size=1), "field_not_hex", id="upper_case_hex"),
        pytest.param(lambda: fields(a="1").time("a"), "field_not_a_time", id="not_a_time"),
    ],
)  # fmt: skip
def test_field_that_is_not_of_its_kind_is_refused_by_name(act: Callable[[], object], code: str) -> None:
    error = refusal(act)
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
