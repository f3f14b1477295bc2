"""Every format: what is written is read back the same, and junk gets nothing but our errors out."""

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import build, dropping

from escrow.crypto.metadata import SEALED_METADATA_BYTES
from escrow.errors import EscrowError
from escrow.ledger.rules_release import read_ticket
from escrow.model.charter import Charter
from escrow.model.deeds import DEEDS, AnyDeed
from escrow.model.drop_off import DropOffOrder, OrderFile
from escrow.model.handover import Introduction, Invitation
from escrow.model.path import PathTerms
from escrow.model.record import RecordBody
from escrow.model.share_object import ShareObject
from escrow.model.ticket import Ticket
from escrow.model.wire import Fields, Json, decode_json, encode_json, to_base64

LIMIT = 10_000_000


def refusal(act: Callable[[], object]) -> EscrowError:
    with pytest.raises(EscrowError) as caught:
        act()
    return caught.value


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A value, its JSON, and the parser for it."""

    value: object
    json: Json
    read: Callable[[Json], object]


def _deed_sample(deed: AnyDeed) -> Sample:
    def read(value: Json) -> object:
        fields = Fields(value)
        found = DEEDS[deed.TYP].read(fields)
        fields.done()
        return found

    return Sample(value=deed, json=deed.emit(), read=read)


def _deeds() -> Iterator[tuple[str, AnyDeed]]:
    case = build.accepted_case()
    record = case.deposit()
    request = case.request(record, "settlement", build.party("arbitrator"))
    signed = build.answer(case.state, request, "mediator", case.seats["mediator"])[0]
    yield "case_opened", build.CaseOpened(charter=build.charter(), wrapped_case_key=bytes(72))
    yield "charter_proposed", build.proposing(case.state, build.charter(), build.CONVENOR)
    yield "charter_accepted", build.acceptance(case.id, case.id, "claimant", case.seats["claimant"])
    yield "record_sealed", case.sealed[record].deed
    yield "envelope_reported", build.reporting(case.state, record, "memo", "claimant")
    asked = case.state.requests[request]
    yield "release_requested", build.asking(case.state, record, "settlement", asked.tickets_raw)
    yield "signed_off", signed
    withdrawn = build.SignOffWithdrawn(request=request, seat="mediator", sign_off=request, reason=None)
    yield "withdrawn", withdrawn
    yield "withdrawn_for_a_reason", replace(withdrawn, reason=build.SEALED)
    yield "record_dropped_off", dropping.dropped(case.state, case.seats["claimant"], name="dropped").deed
    yield "note", build.Note(text=build.SEALED)


def _samples() -> Iterator[tuple[str, Sample]]:
    for name, deed in _deeds():
        yield name, _deed_sample(deed)
    case = build.accepted_case()
    record = case.deposit()
    body = case.sealed[record].deed.body
    yield "body", _bytes_sample(body, body.encode(), RecordBody.parse)
    for path in body.paths:
        yield f"terms_{path.name}", _bytes_sample(path.terms, path.terms_raw, PathTerms.parse)
    raw = build.ticket(case.state, record, "settlement", build.party("arbitrator"))
    ticket = read_ticket(raw, at="ticket")
    yield "ticket", Sample(value=ticket, json=ticket.emit(), read=lambda value: Ticket.read(Fields(value)))
    yield "shares", _shares_sample(case, case.request(record, "settlement", tickets=[raw]), public=False)
    yield "public_shares", _shares_sample(case, case.request(record, "memo"), public=True)
    order, salt, metadata = dropping.order_of(case.state)
    yield "order", _bytes_sample(order, encode_json(order.emit()), DropOffOrder.parse)
    file = OrderFile(order="a.b.c", salt=salt, metadata=metadata)
    yield "order_file", _bytes_sample(file, file.dump(), OrderFile.load)
    words = dropping.charter()
    yield (
        "charter_with_drop_offs",
        Sample(value=words, json=words.emit(), read=lambda value: Charter.read(Fields(value))),
    )
    invitation = Invitation(
        service=case.state.opening.charter.service,
        case=case.id,
        seat="mediator",
        proposal=case.id,
        case_key=build.CASE_KEY,
    )
    yield "invitation", _bytes_sample(invitation, invitation.dump(), Invitation.load)
    introduction = Introduction(
        service=case.state.opening.charter.service,
        case=case.id,
        record=record,
        path="settlement",
        dealing=case.state.records[record].paths["settlement"].digest,
        convenor=build.CONVENOR.card.fingerprint,
        introduced_by=build.SEATS["mediator"].card.fingerprint,
    )
    yield "introduction", _bytes_sample(introduction, introduction.dump(), Introduction.load)


def _bytes_sample(value: object, raw: bytes, parse: Callable[[bytes], object]) -> Sample:
    value_json = decode_json(raw, limit=LIMIT, field="sample")
    return Sample(value=value, json=value_json, read=lambda found: parse(encode_json(found)))


def _shares_sample(case: build.Case, request: str, *, public: bool) -> Sample:
    raw = build.answer(case.state, request, "claimant", case.seats["claimant"])[1]
    value = ShareObject.parse(raw, public=public)
    assert value.encode() == raw
    return _bytes_sample(value, raw, lambda found: ShareObject.parse(found, public=public))


SAMPLES = dict(_samples())
NAMES = sorted(SAMPLES)


def test_every_kind_of_statement_has_a_sample() -> None:
    assert {type(sample.value) for sample in SAMPLES.values()} >= set(DEEDS.values())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_back_the_same(name: str) -> None:
    sample = SAMPLES[name]
    on_the_wire = decode_json(encode_json(sample.json), limit=LIMIT, field="sample")
    assert sample.read(on_the_wire) == sample.value


# One thing wrong, anywhere

Place = tuple[str | int, ...]


def places(value: object, at: Place = ()) -> Iterator[Place]:
    """Every spot of a JSON value, by keys and indices."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    if isinstance(value, list):
        for index, inner in enumerate(value[:2]):
            yield from places(inner, (*at, index))


def parent(value: Json, at: Place) -> tuple[dict[str, object] | list[object], str | int]:
    found: object = value
    for step in at[:-1]:
        found = found[step]  # type: ignore[index]
    return found, at[-1]  # type: ignore[return-value]


PLACES = {name: list(places(sample.json)) for name, sample in SAMPLES.items()}


@pytest.mark.parametrize("name", NAMES)
def test_no_field_may_be_missing(name: str) -> None:
    for at in PLACES[name]:
        spoiled = copy.deepcopy(SAMPLES[name].json)
        where, key = parent(spoiled, at)
        if isinstance(where, dict):
            del where[str(key)]
            with pytest.raises(EscrowError):
                SAMPLES[name].read(spoiled)


@pytest.mark.parametrize("name", NAMES)
def test_no_object_may_hold_a_field_more(name: str) -> None:
    for at in [(), *PLACES[name]]:
        spoiled = copy.deepcopy(SAMPLES[name].json)
        found, _ = parent(spoiled, (*at, "more"))
        if isinstance(found, dict):
            found["more"] = 1
            with pytest.raises(EscrowError, match="field_unknown"):
                SAMPLES[name].read(spoiled)


@pytest.mark.parametrize("name", NAMES)
def test_no_value_may_be_of_another_kind(name: str) -> None:
    """Booleans are no integers, numbers no texts; nothing is converted."""
    for at in PLACES[name]:
        for junk in (True, 1, "\ud800", ["x"], {"x": 1}):
            spoiled = copy.deepcopy(SAMPLES[name].json)
            where, key = parent(spoiled, at)
            if type(where[key]) is type(junk) and not isinstance(junk, str):  # type: ignore[index]
                continue
            where[key] = junk  # type: ignore[index]
            with pytest.raises(EscrowError):
                SAMPLES[name].read(spoiled)


junk_values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=40)
    | st.text(alphabet="ABCabc019-_ ,()of", max_size=60)
    | st.binary(max_size=40).map(to_base64)
    | st.lists(st.integers(0, 2), max_size=3)
    | st.dictionaries(st.text(max_size=4), st.none(), max_size=2)
)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), junk=junk_values, data=st.data())
def test_junk_in_any_field_gives_nothing_but_our_errors(name: str, junk: object, data: st.DataObject) -> None:
    spoiled = copy.deepcopy(SAMPLES[name].json)
    where, key = parent(spoiled, data.draw(st.sampled_from(PLACES[name])))
    where[key] = junk  # type: ignore[index]
    with suppress(EscrowError):  # some junk is as good as what stood there
        SAMPLES[name].read(spoiled)


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=200))
def test_junk_bytes_give_nothing_but_our_errors(raw: bytes) -> None:
    parsers: tuple[Callable[[bytes], object], ...] = (
        RecordBody.parse,
        PathTerms.parse,
        Invitation.load,
        Introduction.load,
        lambda junk: ShareObject.parse(junk, public=True),
        lambda junk: ShareObject.parse(junk, public=False),
        lambda junk: read_ticket(junk.decode("latin-1"), at="ticket"),
    )
    for parse in parsers:
        with pytest.raises(EscrowError):
            parse(raw)


@pytest.mark.parametrize(
    "parse",
    [RecordBody.parse, PathTerms.parse, Invitation.load, lambda raw: ShareObject.parse(raw, public=True)],
)
def test_oversize_is_refused_before_it_is_read(parse: Callable[[bytes], object]) -> None:
    with pytest.raises(EscrowError, match="field_too_large"):
        parse(b"[" * 4_000_000)


# Names of seats, wherever one stands: nothing foreign reaches a terminal by way of an error's words

CLEARS_THE_SCREEN = "\x1b[2J\x1b]0;x\x07"


@pytest.mark.parametrize("name", sorted(name for name in NAMES if "seat" in SAMPLES[name].json))
@pytest.mark.parametrize("seat", [CLEARS_THE_SCREEN, "", "Mediator", "a b"], ids=ascii)
def test_seat_field_that_is_no_seats_name_is_refused(name: str, seat: str) -> None:
    error = refusal(lambda: SAMPLES[name].read(SAMPLES[name].json | {"seat": seat}))
    assert (error.code, error.fields["seat"]) == ("seat_name_malformed", ascii(seat))


def test_seat_of_an_audience_that_moves_the_cursor_is_refused() -> None:
    words = build.charter().emit()
    words["paths"][2]["audience"]["seats"] = ["claimant", CLEARS_THE_SCREEN]
    assert refusal(lambda: Charter.read(Fields(words))).code == "seat_name_malformed"


# Texts under the case key, as far as they can be judged without it


SEALED_FIELDS = [
    ("note", ("text",)),
    ("release_requested", ("purpose",)),
    ("withdrawn_for_a_reason", ("reason",)),
    ("case_opened", ("charter", "prose")),
    ("case_opened", ("charter", "paths", 0, "alone")),
    ("body", ("label",)),
    ("terms_settlement", ("purpose",)),
]


@pytest.mark.parametrize(("name", "at"), SEALED_FIELDS, ids=str)
@pytest.mark.parametrize("size", [0, 1, 40, 41, 295, 297])
def test_text_under_the_case_key_of_a_length_that_none_has_is_refused(
    name: str, at: tuple[str | int, ...], size: int
) -> None:
    """Rule C4 asks for words about a path that one party can open alone; no bytes are no words."""
    spoiled = copy.deepcopy(SAMPLES[name].json)
    where, key = parent(spoiled, at)
    where[key] = to_base64(bytes(size))  # type: ignore[index]
    error = refusal(lambda: SAMPLES[name].read(spoiled))
    assert error.code == "sealed_text_malformed"
    assert str(error.fields["field"]).endswith(str(at[-1]))


def test_metadata_of_another_size_is_refused() -> None:
    """One size for all, or its length tells something of the title."""
    for size in (0, 40, SEALED_METADATA_BYTES - 1, SEALED_METADATA_BYTES + 1):
        spoiled = SAMPLES["body"].json | {"metadata": to_base64(bytes(size))}
        assert refusal(lambda given=spoiled: SAMPLES["body"].read(given)).fields["field"] == "body.metadata"
