"""Statements and entries as signed words: what they must look like before any rule of a case is asked."""

import pytest
from support.build import CASE_KEY, CONVENOR, SEALED, SERVICE, START, Case, bytes_of, charter, opening, party
from support.refusals import refuses

from escrow.crypto import bech32m
from escrow.errors import ForgedError, MalformedError, RefusedError, TooLargeError
from escrow.ledger import entry as entries
from escrow.ledger import jws
from escrow.ledger.entry import Entry
from escrow.ledger.statement import Head, UnverifiedStatement, compose
from escrow.model.charter import Charter
from escrow.model.deeds import CaseOpened, Note

CASE = bytes_of("case").hex()
HEAD = Head(n=3, hash=bytes_of("head").hex())
NOTE = Note(text=SEALED)
ALICE = party("alice")


def payload(**changed: object) -> dict[str, object]:
    found = {"case": CASE, "head": HEAD.emit(), **NOTE.emit()} | changed
    return {name: value for name, value in found.items() if value is not None}


def opening_payload() -> dict[str, object]:
    deed = CaseOpened(charter=charter(), wrapped_case_key=CASE_KEY.wrap_for_oneself(CONVENOR))
    return deed.emit()


def entry_text(**changed: object) -> str:
    raw = opening()
    case = UnverifiedStatement.parse(raw).hash
    found = {"case": case, "n": 0, "prev": None, "received_at": "2026-12-01T09:00:00.000Z", "statement": raw}
    return jws.sign(SERVICE, entries.TYP, found | changed)


def test_statement_is_read_back_as_it_was_composed() -> None:
    raw = compose(ALICE, NOTE, case=CASE, head=HEAD)
    found = UnverifiedStatement.parse(raw).verify(ALICE.card)
    assert (found.raw, found.author, found.case, found.head, found.deed) == (
        raw,
        ALICE.card,
        CASE,
        HEAD,
        NOTE,
    )


def test_signed_bytes_are_kept_as_received() -> None:
    """Words in another order and spacing are another statement, not a prettier spelling of the first."""
    tidy = compose(ALICE, NOTE, case=CASE, head=HEAD)
    loose = jws.sign(ALICE, Note.TYP, {**NOTE.emit(), "head": HEAD.emit(), "case": CASE})
    spaced = _sign_raw(b'{ "text":"%s","case":"%s","head":{"n":3,"hash":"%s"}}')
    read = [UnverifiedStatement.parse(raw).verify(ALICE.card) for raw in (tidy, loose, spaced)]
    assert read[0].deed == read[1].deed == read[2].deed
    assert read[0].hash == read[1].hash != read[2].hash
    assert read[2].raw == spaced


def _sign_raw(template: bytes) -> str:
    from joserfc import jws as outside
    from joserfc.jwk import OKPKey

    from escrow.model.wire import to_base64

    key = OKPKey.import_key(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": to_base64(ALICE.card.public),
            "d": to_base64(ALICE.signing_seed()),
        }
    )
    header = {"alg": "Ed25519", "kid": ALICE.card.fingerprint, "typ": Note.TYP}
    return outside.serialize_compact(
        header,
        template % (to_base64(SEALED).encode(), CASE.encode(), HEAD.hash.encode()),
        key,
        algorithms=["Ed25519"],
    )


def test_statement_of_an_unknown_kind_is_refused() -> None:
    with refuses(MalformedError, "statement_kind_unknown", field="statement.header.typ"):
        UnverifiedStatement.parse(jws.sign(ALICE, "escrow.note.v2", payload()))


def test_entry_posed_as_a_statement_is_refused() -> None:
    with refuses(MalformedError, "statement_kind_unknown"):
        UnverifiedStatement.parse(entry_text())


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"case": None}, "field_missing"),
        ({"case": CASE[2:]}, "field_not_hex"),
        ({"head": None}, "field_missing"),
        ({"head": {"n": -1, "hash": HEAD.hash}}, "field_out_of_range"),
        ({"head": {"n": 1}}, "field_missing"),
        ({"head": {"n": 1, "hash": HEAD.hash, "more": 1}}, "field_unknown"),
        ({"text": "not base64!"}, "field_not_base64url"),
        ({"text": None}, "field_missing"),
        ({"extra": 1}, "field_unknown"),
        ({"text": 1.5}, "field_not_json"),
    ],
)
def test_statement_that_is_not_exactly_of_its_kind_is_refused(changed: dict[str, object], code: str) -> None:
    with refuses(MalformedError, code):
        UnverifiedStatement.parse(jws.sign(ALICE, Note.TYP, payload(**changed))).verify(ALICE.card)


def test_oversized_statement_is_refused() -> None:
    with refuses(TooLargeError, "field_too_large", field="statement", limit=6 * 1024 * 1024):
        UnverifiedStatement.parse("a" * (6 * 1024 * 1024 + 1))


def test_oversized_text_in_a_statement_is_refused() -> None:
    with refuses(TooLargeError, "field_too_large", field="text"):
        UnverifiedStatement.parse(jws.sign(ALICE, Note.TYP, payload(text="A" * 40_000))).verify(ALICE.card)


def test_malformed_words_are_not_read_before_their_signature() -> None:
    raw = jws.sign(party("mallory"), Note.TYP, payload(case="junk"))
    with refuses(ForgedError, "signature_false"):
        UnverifiedStatement.parse(raw).verify(ALICE.card)


def test_opening_that_names_a_case_is_not_composed() -> None:
    deed = CaseOpened(charter=charter(), wrapped_case_key=CASE_KEY.wrap_for_oneself(CONVENOR))
    with refuses(MalformedError, "statement_place_malformed"):
        compose(CONVENOR, deed, case=CASE, head=HEAD)


def test_statement_without_a_head_is_not_composed() -> None:
    with refuses(MalformedError, "statement_place_malformed"):
        compose(ALICE, NOTE, case=CASE, head=None)


def test_opening_with_a_low_order_convenor_is_refused_before_its_signature_is_looked_at() -> None:
    spoiled = opening_payload()
    spoiled["charter"] |= {"convenor": bech32m.encode("escrowcard", bytes([1]) + bytes(31))}  # type: ignore[operator]
    with refuses(MalformedError, "point_identity", field="card"):
        UnverifiedStatement.parse(jws.sign(CONVENOR, CaseOpened.TYP, spoiled)).verify_opening()


def test_opening_signed_by_another_than_its_convenor_is_refused() -> None:
    raw = jws.sign(ALICE, CaseOpened.TYP, opening_payload())
    with refuses(RefusedError, "opening_not_by_convenor", author=ALICE.card.fingerprint):
        UnverifiedStatement.parse(raw).verify_opening()


def test_false_signature_is_refused_before_the_charter_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may send a service a charter of 256 seats: what nobody signed must cost next to nothing."""
    raw = opening()
    other = jws.sign(CONVENOR, Note.TYP, payload()).rpartition(".")[2]
    monkeypatch.setattr(Charter, "read", None)
    with refuses(ForgedError, "signature_false", author=CONVENOR.card.fingerprint):
        UnverifiedStatement.parse(f"{raw.rpartition('.')[0]}.{other}").verify_opening()


def test_opening_entry_is_read_without_its_charter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay reads a charter once, where it checks who signed it."""
    raw = opening()
    case = UnverifiedStatement.parse(raw).hash
    made = entries.compose(SERVICE, case=case, n=0, prev=None, received_at=START, statement=raw)
    monkeypatch.setattr(Charter, "read", None)
    assert Entry.read_opening(made).statement_raw == raw


def test_note_posed_as_an_opening_is_refused() -> None:
    with refuses(RefusedError, "opening_expected", typ=Note.TYP):
        UnverifiedStatement.parse(jws.sign(ALICE, Note.TYP, payload())).verify_opening()


def test_entry_is_read_back_as_it_was_composed() -> None:
    raw = opening()
    case = UnverifiedStatement.parse(raw).hash
    made = entries.compose(SERVICE, case=case, n=0, prev=None, received_at=START, statement=raw)
    found = Entry.read_opening(made)
    assert found == Entry.read(made, SERVICE.card)
    assert (found.case, found.n, found.prev, found.received_at, found.statement_raw) == (
        case,
        0,
        None,
        START,
        raw,
    )


def test_entry_by_another_service_than_the_charter_pins_is_refused() -> None:
    raw = opening(charter(service=party("other service").card))
    case = UnverifiedStatement.parse(raw).hash
    made = entries.compose(SERVICE, case=case, n=0, prev=None, received_at=START, statement=raw)
    with refuses(ForgedError, "signature_false", author=SERVICE.card.fingerprint):
        Entry.read_opening(made)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"n": -1}, "field_out_of_range"),
        ({"n": 0, "prev": "00" * 32}, "entry_prev_malformed"),
        ({"n": 1}, "entry_prev_malformed"),
        ({"received_at": "2026-12-01T09:00:00Z"}, "field_not_a_time"),
        ({"received_at": "2026-12-01T09:00:00.000+00:00"}, "field_not_a_time"),
        ({"more": 1}, "field_unknown"),
        ({"statement": None}, "field_not_text"),
    ],
)
def test_entry_that_is_not_exactly_of_the_format_is_refused(changed: dict[str, object], code: str) -> None:
    with refuses(MalformedError, code):
        Entry.read(entry_text(**changed), SERVICE.card)


def test_statement_posed_as_an_entry_is_refused() -> None:
    case = Case().open()
    with refuses(MalformedError, "jws_typ_unexpected", field="entry"):
        Entry.read(case.statement(CONVENOR, NOTE), CONVENOR.card)
