"""Rules of charters, paths and records (C, P, R), of texts under the case key, of what is handed over (H)."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support import build

from escrow.crypto import aead, bech32m
from escrow.crypto.group import BASE
from escrow.crypto.sign_off import Answer
from escrow.crypto.transcript import Label, kdf
from escrow.errors import EscrowError, ForgedError, MalformedError, RefusedError
from escrow.model.case_key import CaseKey, Place, place, read_sealed
from escrow.model.charter import Charter, Service
from escrow.model.handover import MAX_HANDOVER, Introduction, Invitation
from escrow.model.path import Audience, AudienceKind, PathTemplate, PathTerms
from escrow.model.record import RecordBody
from escrow.model.share_object import ShareObject
from escrow.model.wire import Fields, Json, decode_json, encode_json, to_base64
from escrow.policy.text import parse as policy

CARDS = [build.party(name).card for name in ("one", "two", "three")]
SETTLEMENT, MEMO, EXCHANGE = build.PATHS
ORDER_TWO_HEX = "ec" + "ff" * 30 + "7f"


def refusal(act: Callable[[], object]) -> EscrowError:
    with pytest.raises(EscrowError) as caught:
        act()
    return caught.value


def charter_with(**changed: object) -> Callable[[], object]:
    """Read the JSON of the usual charter with some fields changed."""
    return lambda: Charter.read(Fields(build.charter().emit() | changed))


# C: charters


def seat_rows(*names: str) -> list[Json]:
    return [{"seat": name, "card": str(card)} for name, card in zip(names, CARDS * 100, strict=False)]


def path_json(**changed: object) -> Json:
    return SETTLEMENT.emit() | changed


@pytest.mark.parametrize(
    ("act", "code"),
    [
        pytest.param(charter_with(seats=[]), "field_wrong_count", id="C1_no_seats"),
        pytest.param(
            charter_with(seats=seat_rows(*(f"s{i}" for i in range(257)))),
            "field_wrong_count",
            id="C1_257_seats",
        ),
        pytest.param(charter_with(seats=seat_rows("a", "a")), "seat_twice", id="C1_seat_twice"),
        pytest.param(charter_with(seats=seat_rows("A")), "seat_name_malformed", id="C1_seat_in_capitals"),
        pytest.param(charter_with(seats=seat_rows("")), "seat_name_malformed", id="C1_seat_without_a_name"),
        pytest.param(charter_with(paths=[]), "field_wrong_count", id="C1_no_paths"),
        pytest.param(charter_with(paths=[path_json()] * 2), "path_name_twice", id="C1_path_twice"),
        pytest.param(charter_with(paths=[path_json()] * 33), "field_wrong_count", id="C1_33_paths"),
        pytest.param(
            charter_with(paths=[path_json(policy="all of (claimant, nobody)")]),
            "policy_seat_unknown",
            id="C2_policy",
        ),
        pytest.param(
            charter_with(paths=[path_json(audience={"kind": "seats", "seats": ["nobody"]})]),
            "policy_seat_unknown",
            id="C2_audience",
        ),
        pytest.param(charter_with(deadlock="whatever"), "field_not_a_choice", id="C3_deadlock"),
        pytest.param(charter_with(retention_days=0), "field_out_of_range", id="C3_retention_of_no_days"),
        pytest.param(
            charter_with(retention_days=36_501), "field_out_of_range", id="C3_retention_of_a_century"
        ),
        pytest.param(charter_with(visibility="all"), "field_not_a_choice", id="C3_visibility"),
        pytest.param(
            charter_with(paths=[path_json(policy="any of (claimant, respondent)")]),
            "one_party_can_open_alone",
            id="C4_one_seat_alone",
        ),
        pytest.param(charter_with(case_key_hash="00"), "field_not_hex", id="C5_case_key_hash"),
        pytest.param(charter_with(drop_off=1), "field_not_a_boolean", id="drop_off"),
        pytest.param(charter_with(convenor="escrowcard1x"), "card_malformed", id="convenor"),
    ],
)
def test_charter_against_the_rules_is_refused(act: Callable[[], object], code: str) -> None:
    assert refusal(act).code == code


@pytest.mark.parametrize(
    "url",
    [
        "",
        "escrow.example",
        "ftp://escrow.example",
        "https://",
        "https://a/",
        "https://a b",
        "https://a\n",
        "https://ä",
    ],
)
def test_service_without_a_proper_url_is_refused(url: str) -> None:
    assert refusal(lambda: Service(url=url, card=CARDS[0])).code == "service_url_malformed"


def test_low_order_card_in_a_seat_is_refused() -> None:
    """One signature would fit every message."""
    low = bech32m.encode("escrowcard", bytes.fromhex(ORDER_TWO_HEX))
    error = refusal(charter_with(seats=[{"seat": "claimant", "card": low}]))
    assert (error.code, error.fields["field"]) == ("point_not_in_group", "card")


def test_party_with_enough_seats_to_open_alone_is_named() -> None:
    greedy = build.party("greedy")
    seats = {"claimant": greedy, "respondent": greedy, "mediator": build.SEATS["mediator"]}
    error = refusal(lambda: build.charter(seats=seats))
    assert isinstance(error, RefusedError)
    assert error.code == "one_party_can_open_alone"
    assert error.fields["seats"] == ("claimant", "respondent")


def test_words_about_it_let_one_party_open_alone() -> None:
    alone = PathTemplate(
        name="settlement",
        policy=policy("any of (claimant, respondent)"),
        audience=build.audience(),
        alone=build.SEALED,
    )
    assert build.charter(paths=(alone,)).path("settlement") == alone


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"seats": {}}, "field_wrong_count", id="no_seats"),
        pytest.param({"seats": {"Bad Name": CARDS[0]}}, "seat_name_malformed", id="seat_name"),
        pytest.param({"paths": ()}, "field_wrong_count", id="no_paths"),
        pytest.param({"case_key_hash": "zz"}, "field_not_hex", id="case_key_hash"),
    ],
)
def test_charter_made_in_code_keeps_the_same_rules(changed: dict[str, object], code: str) -> None:
    assert refusal(lambda: replace(build.charter(), **changed)).code == code  # type: ignore[arg-type]


def test_path_that_the_charter_does_not_have_is_refused() -> None:
    assert refusal(lambda: build.charter().path("other")).code == "path_not_in_charter"


# P: paths


def template_with(**changed: object) -> Callable[[], object]:
    return lambda: PathTemplate.read(Fields(path_json(**changed)))


@pytest.mark.parametrize(
    ("act", "code"),
    [
        pytest.param(template_with(name="Memo"), "path_name_malformed", id="P1_capital"),
        pytest.param(template_with(name="a--b"), "path_name_malformed", id="P1_two_hyphens"),
        pytest.param(template_with(name=""), "path_name_malformed", id="P1_no_name"),
        pytest.param(template_with(name="a\n"), "path_name_malformed", id="P1_line_break"),
        pytest.param(template_with(name="a" * 41), "field_too_large", id="P1_long_name"),
        pytest.param(template_with(policy="3 of (a, b)"), "policy_k_out_of_range", id="P1_k_out_of_range"),
        pytest.param(template_with(policy="all of (a, a)"), "policy_seat_twice", id="P1_seat_twice"),
        pytest.param(template_with(policy="2 of (a, b)"), "policy_not_canonical", id="P1_second_spelling"),
        pytest.param(template_with(notice={"days": 5}), "notice_not_supported", id="P1_notice"),
        pytest.param(template_with(not_before="soon"), "field_not_a_time", id="P1_date"),
        pytest.param(template_with(audience={"kind": "friends"}), "field_not_a_choice", id="P2_kind"),
        pytest.param(
            template_with(audience={"kind": "seats", "seats": []}), "field_wrong_count", id="P2_no_seats"
        ),
        pytest.param(
            template_with(audience={"kind": "seats", "seats": ["a", "a"]}),
            "audience_repeats",
            id="P2_seat_twice",
        ),
        pytest.param(template_with(audience={"kind": "named"}), "field_missing", id="P2_cards_not_said"),
        pytest.param(
            template_with(audience={"kind": "named", "cards": [str(CARDS[0])] * 2}),
            "audience_repeats",
            id="P2_card_twice",
        ),
        pytest.param(
            template_with(audience={"kind": "public", "cards": []}),
            "field_unknown",
            id="P2_cards_for_the_public",
        ),
    ],
)
def test_path_against_the_rules_is_refused(act: Callable[[], object], code: str) -> None:
    assert refusal(act).code == code


@pytest.mark.parametrize(
    "made",
    [
        lambda: Audience(kind=AudienceKind.PUBLIC, cards=(CARDS[0],)),
        lambda: Audience(kind=AudienceKind.PUBLIC, seats=("a",)),
        lambda: Audience(kind=AudienceKind.SEATS),
        lambda: Audience(kind=AudienceKind.SEATS, seats=("a",), cards=(CARDS[0],)),
        lambda: replace(SETTLEMENT, not_before=build.START, date_open=True),
        lambda: replace(SETTLEMENT, not_before=datetime(2026, 12, 1)),  # noqa: DTZ001
        lambda: replace(SETTLEMENT, not_before=build.START + timedelta(microseconds=1)),
    ],
)
def test_path_made_in_code_keeps_the_same_rules(made: Callable[[], object]) -> None:
    assert isinstance(refusal(made), MalformedError)


def terms_of(template: PathTemplate, **changed: object) -> PathTerms:
    plain = PathTerms(
        name=template.name,
        policy=template.policy,
        audience=template.audience,
        not_before=build.START if template.date_open else template.not_before,
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


LISTED = replace(SETTLEMENT, audience=build.audience(cards=CARDS[:2]))
DATED = replace(SETTLEMENT, not_before=build.START)


@pytest.mark.parametrize(
    ("template", "changed", "field"),
    [
        pytest.param(SETTLEMENT, {"name": "memo"}, "name", id="name"),
        pytest.param(SETTLEMENT, {"policy": policy("any of (claimant, respondent)")}, "policy", id="policy"),
        pytest.param(
            SETTLEMENT, {"audience": build.audience(public=True)}, "audience", id="public_for_named"
        ),
        pytest.param(EXCHANGE, {"audience": build.audience("claimant")}, "audience", id="other_seats"),
        pytest.param(LISTED, {"audience": build.audience(cards=CARDS)}, "audience.cards", id="a_card_more"),
        pytest.param(
            LISTED, {"audience": build.audience(cards=CARDS[:1])}, "audience.cards", id="a_card_less"
        ),
        pytest.param(LISTED, {"audience": build.audience()}, "audience.cards", id="any_card"),
        pytest.param(SETTLEMENT, {"not_before": build.START}, "not_before", id="date_where_none_was"),
        pytest.param(DATED, {"not_before": None}, "not_before", id="date_left_out"),
        pytest.param(DATED, {"not_before": build.START - timedelta(days=1)}, "not_before", id="date_moved"),
    ],
)
def test_p3_terms_that_differ_from_the_charter_are_refused(
    template: PathTemplate, changed: dict[str, object], field: str
) -> None:
    error = refusal(lambda: template.require_instance(terms_of(template, **changed)))
    assert (error.code, error.fields["field"]) == ("terms_differ_from_charter", field)


def test_p3_date_left_open_must_be_filled_in() -> None:
    error = refusal(lambda: MEMO.require_instance(terms_of(MEMO, not_before=None)))
    assert (error.code, error.fields) == ("terms_need_a_date", {"path": "memo"})


@pytest.mark.parametrize(
    ("template", "changed"),
    [
        pytest.param(SETTLEMENT, {}, id="as_it_is"),
        pytest.param(SETTLEMENT, {"audience": build.audience(cards=CARDS)}, id="cards_filled_in"),
        pytest.param(SETTLEMENT, {"purpose": build.SEALED}, id="purpose_added"),
        pytest.param(MEMO, {"not_before": build.START + timedelta(days=9)}, id="date_filled_in"),
        pytest.param(LISTED, {}, id="cards_as_listed"),
    ],
)
def test_p3_blanks_filled_in_are_accepted(template: PathTemplate, changed: dict[str, object]) -> None:
    terms = terms_of(template, **changed)
    template.require_instance(PathTerms.parse(terms.encode()))


# R: records


@pytest.fixture(scope="module")
def body() -> RecordBody:
    case = build.accepted_case()
    return build.seal_record(case.state, case.seats["claimant"]).deed.body


def spoil(body: RecordBody, change: Callable[[Json], object]) -> EscrowError:
    value = decode_json(body.encode(), limit=10**7, field="body")
    change(value)
    return refusal(lambda: RecordBody.parse(encode_json(value)))


def test_r1_path_twice_is_refused(body: RecordBody) -> None:
    assert spoil(body, lambda it: it["paths"].append(it["paths"][0])).code == "path_name_twice"


def test_r1_record_without_paths_is_refused(body: RecordBody) -> None:
    assert spoil(body, lambda it: it["paths"].clear()).code == "field_wrong_count"


@pytest.mark.parametrize("part", ["C", "envelopes"])
@pytest.mark.parametrize("change", ["fewer", "more"])
def test_r1_as_many_shares_and_envelopes_as_seats(body: RecordBody, part: str, change: str) -> None:
    def act(value: Json) -> None:
        rows = value["paths"][0][part]
        rows.append(rows[0]) if change == "more" else rows.pop()

    error = spoil(body, act)
    assert (error.code, error.fields["field"]) == ("field_wrong_count", f"body.paths[0].{part}")


def test_r2_dealing_key_twice_in_a_record_is_refused(body: RecordBody) -> None:
    error = spoil(body, lambda it: it["paths"][1].update(E=it["paths"][0]["E"]))
    assert error.code == "dealing_key_reused"


IDENTITY = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
ORDER_TWO = "7P_______________________________________38"
NOT_CANONICAL = "7v_______________________________________38"


@pytest.mark.parametrize(
    ("point", "code"),
    [
        (IDENTITY, "point_identity"),
        (ORDER_TWO, "point_not_in_group"),
        (NOT_CANONICAL, "point_not_canonical"),
    ],
)
@pytest.mark.parametrize("where", ["E", "C"])
def test_bad_point_in_a_dealing_is_refused_by_name(
    body: RecordBody, point: str, code: str, where: str
) -> None:
    def act(value: Json) -> None:
        path = value["paths"][1]
        path.update(E=point) if where == "E" else path["C"].__setitem__(1, point)

    error = spoil(body, act)
    expected = "body.paths[1].E" if where == "E" else "body.paths[1].C[1]"
    assert (error.code, error.fields["field"]) == (code, expected)


@pytest.mark.parametrize("length", [0, -1, 2**50 + 1, True, "1"])
def test_payload_of_no_length_is_refused(body: RecordBody, length: object) -> None:
    assert isinstance(spoil(body, lambda it: it["payload"].update(length=length)), MalformedError)


def test_payload_of_another_format_is_refused(body: RecordBody) -> None:
    assert spoil(body, lambda it: it["payload"].update(format="zip")).code == "field_not_a_choice"


def test_proofs_are_as_many_as_paths(body: RecordBody) -> None:
    deed = build.RecordSealed(body=body, body_raw=body.encode(), proofs=(bytes(64),) * 2)
    error = refusal(lambda: build.RecordSealed.read(Fields(deed.emit())))
    assert (error.code, error.fields["field"]) == ("field_wrong_count", "proofs")


# Share objects


def test_share_object_for_nobody_or_for_everybody_and_somebody_is_refused() -> None:
    assert refusal(lambda: ShareObject(request="00" * 32, seat="a")).code == "share_object_malformed"
    assert (
        refusal(lambda: ShareObject(request="00" * 32, seat="a", public_p=bytes(32))).code
        == "share_object_malformed"
    )


# Texts under the case key

KEY = build.CASE_KEY


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param(place(Place.NOTE, "case", "record"), id="another_field"),
        pytest.param(place(Place.LABEL, "case", "another"), id="another_record"),
        pytest.param(place(Place.LABEL, "caserecord"), id="parts_run_together"),
        pytest.param(place(Place.LABEL, "case"), id="a_part_less"),
    ],
)
def test_text_moved_elsewhere_does_not_open(elsewhere: bytes) -> None:
    sealed = KEY.seal_text("words", place(Place.LABEL, "case", "record"))
    assert KEY.open_text(sealed, place(Place.LABEL, "case", "record")) == "words"
    assert refusal(lambda: KEY.open_text(sealed, elsewhere)).code == "ciphertext_false"


def test_text_under_another_case_key_does_not_open() -> None:
    sealed = KEY.seal_text("words", b"here")
    assert refusal(lambda: CaseKey.generate().open_text(sealed, b"here")).code == "ciphertext_false"


@pytest.mark.parametrize("size", [0, 1, 39])
def test_text_cut_short_does_not_open(size: int) -> None:
    sealed = KEY.seal_text("words", b"here")
    assert isinstance(refusal(lambda: KEY.open_text(sealed[:size], b"here")), MalformedError | ForgedError)


def test_length_of_a_text_does_not_show() -> None:
    """A note of ten bytes and one of twenty must not tell the operator whether an offer was accepted."""
    texts = ("", "no", "We accept.", "We refuse the offer.", "x" * 255)
    assert {len(KEY.seal_text(text, b"here")) for text in texts} == {24 + 256 + 16}
    assert len(KEY.seal_text("x" * 256, b"here")) == 24 + 512 + 16


@pytest.mark.parametrize("text", ["", "\0", "words\0\0", "\x80", "é" * 128, "x" * 255, "x" * 256])
def test_text_comes_back_the_same_whatever_it_ends_in(text: str) -> None:
    assert KEY.open_text(KEY.seal_text(text, b"here"), b"here") == text


PADDED_WRONGLY = {
    "not_at_all": b"words",
    "zeros_only": bytes(256),
    "nothing": b"",
    "another_mark": b"words\x01".ljust(256, b"\0"),
    "no_mark": b"words".ljust(256, b"\0"),
    "bytes_behind_it": b"words\x80".ljust(255, b"\0") + b"x",
    "a_block_more": b"words\x80".ljust(512, b"\0"),
    "a_byte_less": b"words\x80".ljust(255, b"\0"),
}


@pytest.mark.parametrize("padded", PADDED_WRONGLY.values(), ids=PADDED_WRONGLY.keys())
def test_text_padded_in_another_way_does_not_open(padded: bytes) -> None:
    """Genuine, but with room for bytes that nobody sees."""
    sealed = aead.seal_random(kdf(Label.CASE_KEY, KEY.encode()), padded, b"here")
    assert refusal(lambda: KEY.open_text(sealed, b"here")).code == "text_padding_malformed"


def test_longest_text_fits_its_field() -> None:
    longest = KEY.seal_text("x" * 16_383, b"here")
    assert read_sealed(Fields({"text": to_base64(longest)}), "text") == longest
    longer = to_base64(KEY.seal_text("x" * 16_384, b"here"))
    assert refusal(lambda: read_sealed(Fields({"text": longer}), "text")).code == "field_too_large"


def test_text_that_has_no_bytes_is_not_sealed() -> None:
    assert refusal(lambda: KEY.seal_text("\ud800", b"here")).code == "field_not_text"


def test_invitation_with_another_case_key_is_refused_by_the_charters_hash() -> None:
    charter = build.charter()
    KEY.require_hash(charter.case_key_hash)
    error = refusal(lambda: CaseKey.generate().require_hash(charter.case_key_hash))
    assert isinstance(error, ForgedError)
    assert error.code == "case_key_not_of_charter"


def test_case_key_wrapped_for_oneself_opens_for_nobody_else() -> None:
    mine, other = build.party("me"), build.party("other")
    wrapped = KEY.wrap_for_oneself(mine)
    assert CaseKey.unwrap_for_oneself(mine, wrapped, KEY.hash) == KEY
    assert refusal(lambda: CaseKey.unwrap_for_oneself(other, wrapped, KEY.hash)).code == "ciphertext_false"
    another = CaseKey.generate().hash
    assert refusal(lambda: CaseKey.unwrap_for_oneself(mine, wrapped, another)).code == "ciphertext_false"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_case_key_of_another_length_is_refused(size: int) -> None:
    assert refusal(lambda: CaseKey(raw=bytes(size))).code == "case_key_malformed"


def test_case_key_does_not_leave_the_process_in_a_pickle() -> None:
    for held in (KEY, invitation_of(KEY)):
        with pytest.raises(TypeError, match="CaseKey refuses to be pickled"):
            pickle.dumps(held)


def test_public_p_is_not_printed_with_its_share_object() -> None:
    """Until the release nobody but its seat may have it; objects are printed into logs and tracebacks."""
    p = bytes(range(32))
    answer = Answer(W=BASE, proof=bytes(64))
    held = ShareObject(request="00" * 32, seat="a", public_answer=answer, public_p=p)
    assert repr(p) not in repr(held)


def test_case_key_is_not_printed() -> None:
    assert KEY.encode().hex() not in repr(KEY)
    assert repr(KEY.encode()) not in repr(KEY)


# H: what people hand over


def invitation_of(key: CaseKey) -> Invitation:
    return Invitation(
        service=Service(url=build.URL, card=build.SERVICE.card),
        case="11" * 32,
        seat="mediator",
        proposal="22" * 32,
        case_key=key,
    )


@pytest.fixture(scope="module")
def invitation() -> Invitation:
    return invitation_of(KEY)


@pytest.fixture(scope="module")
def introduction() -> Introduction:
    return Introduction(
        service=Service(url=build.URL, card=build.SERVICE.card),
        case="11" * 32,
        record="22" * 16,
        path="settlement",
        dealing="33" * 32,
        convenor="44" * 32,
        introduced_by="55" * 32,
    )


def test_invitation_and_introduction_come_back_the_same(
    invitation: Invitation, introduction: Introduction
) -> None:
    assert Invitation.load(invitation.dump()) == invitation
    assert Introduction.load(introduction.dump()) == introduction


def test_one_is_not_taken_for_the_other(invitation: Invitation, introduction: Introduction) -> None:
    for act in (lambda: Invitation.load(introduction.dump()), lambda: Introduction.load(invitation.dump())):
        error = refusal(act)
        assert error.code == "field_not_a_choice"
        assert str(error.fields["field"]).endswith(".format")


def test_h1_invitation_is_not_printed_with_its_key(invitation: Invitation) -> None:
    assert KEY.encode().hex() not in repr(invitation)
    assert "CaseKey(32 bytes)" in repr(invitation)


def test_h2_introduction_holds_no_secret(introduction: Introduction) -> None:
    named = set(decode_json(introduction.dump(), limit=MAX_HANDOVER, field="introduction"))
    assert named == {"format", "service", "case", "record", "path", "dealing", "convenor", "from"}


@pytest.mark.parametrize(
    "changed",
    [
        {"case": "11"},
        {"seat": "Mediator"},
        {"proposal": "2" * 63 + "G"},
    ],
)
def test_invitation_made_in_code_keeps_the_same_rules(invitation: Invitation, changed: Json) -> None:
    assert isinstance(refusal(lambda: replace(invitation, **changed)), MalformedError)


@pytest.mark.parametrize(
    "changed",
    [
        {"case": "11"},
        {"record": "22" * 32},
        {"path": "Settlement"},
        {"dealing": ""},
        {"convenor": "44" * 16},
        {"introduced_by": "ab12 cd34"},
    ],
)
def test_introduction_made_in_code_keeps_the_same_rules(introduction: Introduction, changed: Json) -> None:
    assert isinstance(refusal(lambda: replace(introduction, **changed)), MalformedError)
