"""Drop-offs at the door, wrong ones first: nothing counts but a good order with the very file it promises."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import build, dropping
from support.build import SEATS, SERVICE, party
from support.office import Office, tree
from werkzeug.test import TestResponse

from escrow.crypto.payload import open_payload
from escrow.ledger import jws
from escrow.ledger.bundle import Bundle, open_shares
from escrow.model.drop_off import TYP, OrderFile
from escrow.service import sealing_process
from escrow.service.new_key import change_service_key

CLAIMANT, RESPONDENT = SEATS["claimant"], SEATS["respondent"]
MIB = 1024 * 1024


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, drop_off_bytes=MIB)


@pytest.fixture
def case(office: Office) -> build.Case:
    case = office.case()
    return case.open(dropping.charter(seats=case.seats, convenor=case.convenor)).accept_all()


def send(office: Office, case: str, body: bytes, kind: str = dropping.KIND) -> TestResponse:
    return office.client.post(f"/v1/cases/{case}/drop-offs", data=body, headers={"Content-Type": kind})


def dropped(
    office: Office, case: build.Case, file: OrderFile, document: bytes = dropping.DOCUMENT
) -> TestResponse:
    return send(office, case.id, dropping.form(file.dump(), document))


def code_of(answer: TestResponse, status: int) -> str:
    assert answer.status_code == status, answer.get_data()
    assert answer.mimetype == "application/problem+json"
    return str(answer.get_json()["code"])


def records(office: Office, case: build.Case) -> int:
    return len(office.state(case.id).records)


def test_good_order_with_its_file_becomes_a_record_that_opens_to_it(office: Office, case: build.Case) -> None:
    answer = dropped(office, case, dropping.order_file(case.state, CLAIMANT))
    assert answer.status_code == 201
    (record,) = case.state.records.values()
    assert (record.depositor, record.author) == (CLAIMANT.card, SERVICE.card)
    shown = office.get(f"/v1/cases/{case.id}/records/{record.body.record}", CLAIMANT).get_json()
    assert (shown["author"], shown["dropped_off"]) == (CLAIMANT.card.fingerprint, True)
    request = case.request(record.body.record, "settlement", party("arbitrator"))
    case.sign_off(request, "claimant", "respondent")
    raw = office.get(f"/v1/cases/{case.id}/requests/{request}/bundle", party("arbitrator")).get_data()
    verified = Bundle.parse(raw).verify(case.id, request)
    ticket = verified.ticket_of(party("arbitrator").card)
    keys = party("arbitrator").ticket_keys(
        case.id, ticket.record, ticket.path, bytes.fromhex(ticket.dealing), ticket.nonce
    )
    key = open_shares(verified, ticket_keys=keys, card=party("arbitrator").card).key
    sealed = office.get(f"/v1/cases/{case.id}/records/{record.body.record}/payload", CLAIMANT).get_data()
    plain = io.BytesIO()
    open_payload(
        io.BytesIO(sealed), plain, key, plain_length=len(dropping.DOCUMENT), sealed_length=len(sealed),
        sha256=bytes.fromhex(record.body.payload.sha256),
    )  # fmt: skip
    assert plain.getvalue() == dropping.DOCUMENT


def test_same_order_again_gets_the_first_receipt_and_with_another_file_nothing(
    office: Office, case: build.Case
) -> None:
    file = dropping.order_file(case.state, CLAIMANT)
    first = dropped(office, case, file)
    before = tree(office.folder)
    again = dropped(office, case, file)
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    other = dropping.DOCUMENT.swapcase()
    assert code_of(dropped(office, case, file, other), 400) == "drop_off_file_differs"
    assert tree(office.folder) == before


class Interrupted(io.BytesIO):
    """A form, between whose order and document something else happens."""

    def __init__(self, file: OrderFile, event: Callable[[], object]) -> None:
        super().__init__(dropping.form(file.dump()))
        self._event: Callable[[], object] | None = event
        self._order_ends = len(file.dump()) + 200

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            return super().read(self._order_ends)
        if self._event is not None:
            event, self._event = self._event, None
            event()
        return super().read(size)


def send_interrupted(office: Office, case: str, file: OrderFile, event: Callable[[], object]) -> TestResponse:
    form = Interrupted(file, event)
    kind = {"Content-Type": dropping.KIND}
    return office.client.post(f"/v1/cases/{case}/drop-offs", input_stream=form, headers=kind)


def test_same_drop_off_twice_at_once_gets_one_receipt_and_counts_once(
    office: Office, case: build.Case
) -> None:
    """As where a line broke, and the client sends again while the first is still being sealed."""
    other_worker = Office(office.folder, drop_off_bytes=MIB)
    file = dropping.order_file(case.state, CLAIMANT)
    firsts: list[TestResponse] = []
    last = send_interrupted(office, case.id, file, lambda: firsts.append(dropped(other_worker, case, file)))
    assert [answer.status_code for answer in (*firsts, last)] == [201, 200]
    assert last.get_json() == firsts[0].get_json()
    assert records(office, case) == 1
    strict = Office(office.folder, drop_off_bytes=MIB, open_uploads_per_card=1)
    assert dropped(strict, case, dropping.order_file(case.state, CLAIMANT, name="another")).status_code == 201


def test_another_order_for_the_same_record_at_once_is_refused(office: Office, case: build.Case) -> None:
    mine, other = dropping.order_file(case.state, CLAIMANT), dropping.order_file(case.state, RESPONDENT)
    last = send_interrupted(office, case.id, mine, lambda: dropped(office, case, other))
    assert code_of(last, 409) == "record_taken"
    assert records(office, case) == 1


def test_case_under_a_former_key_takes_a_drop_off_by_that_key_and_none_for_the_new(
    office: Office, case: build.Case
) -> None:
    office.desk.require_own_store()
    new = change_service_key(office.settings.service_identity, office.store)
    after = Office(office.folder, drop_off_bytes=MIB)
    early = dropping.order_file(case.state, CLAIMANT, service=new)
    assert code_of(dropped(after, case, early), 409) == "order_for_other_service"
    assert dropped(after, case, dropping.order_file(case.state, CLAIMANT)).status_code == 201
    (record,) = case.state.records.values()
    assert record.author == SERVICE.card


def test_order_for_a_record_that_is_there_is_refused(office: Office, case: build.Case) -> None:
    dropped(office, case, dropping.order_file(case.state, CLAIMANT))
    other = dropping.order_file(case.state, RESPONDENT, b"mine")
    assert code_of(dropped(office, case, other, b"mine"), 409) == "record_taken"
    assert records(office, case) == 1


@pytest.mark.parametrize(
    "document",
    [
        dropping.DOCUMENT + b"x",
        dropping.DOCUMENT[:-1],
        dropping.DOCUMENT.swapcase(),
        b"",
        dropping.DOCUMENT * 500,
    ],
    ids=["longer", "shorter", "changed", "empty", "far longer"],
)
def test_another_file_than_the_one_ordered_counts_for_nothing(
    office: Office, case: build.Case, document: bytes
) -> None:
    file = dropping.order_file(case.state, CLAIMANT)
    assert code_of(dropped(office, case, file, document), 400) == "drop_off_file_differs"
    assert records(office, case) == 0
    assert dropped(office, case, file).status_code == 201


@pytest.mark.parametrize("changed", ["salt", "title", "length"])
def test_words_about_the_file_that_were_not_ordered_count_for_nothing(
    office: Office, case: build.Case, changed: str
) -> None:
    file = dropping.order_file(case.state, CLAIMANT)
    other = {
        "salt": replace(file, salt=bytes(32)),
        "title": replace(file, metadata=replace(file.metadata, title="Harmless")),
        "length": replace(file, metadata=replace(file.metadata, length=file.metadata.length * 5)),
    }[changed]
    assert code_of(dropped(office, case, other), 400) == "drop_off_file_differs"
    assert records(office, case) == 0


Spoil = Callable[[build.Case], OrderFile]


def ordered(**changed: object) -> Spoil:
    """The claimant's order, with fields changed before it is signed."""
    return lambda case: dropping.order_file(case.state, CLAIMANT, **changed)


def named_by_another(case: build.Case) -> OrderFile:
    """Signed by the respondent, in the claimant's name."""
    order, salt, metadata = dropping.order_of(case.state)
    forged = jws.sign(RESPONDENT, TYP, order.emit()).split(".")
    raw = ".".join((jws.sign(CLAIMANT, TYP, order.emit()).partition(".")[0], *forged[1:]))
    return OrderFile(order=raw, salt=salt, metadata=metadata)


def without_signature(case: build.Case) -> OrderFile:
    file = dropping.order_file(case.state, CLAIMANT)
    return replace(file, order=file.order.rpartition(".")[0] + "." + "A" * 86)


@pytest.mark.parametrize(
    ("spoil", "status", "code"),
    [
        (lambda case: dropping.order_file(case.state, case.convenor), 403, "not_a_seat"),
        (lambda case: dropping.order_file(case.state, party("stranger")), 404, "not_found"),
        (lambda case: dropping.order_file(case.state, SERVICE), 404, "not_found"),
        (named_by_another, 404, "not_found"),
        (without_signature, 404, "not_found"),
        (ordered(case="ab" * 32), 409, "order_for_other_case"),
        (ordered(service=party("x").card), 409, "order_for_other_service"),
        (ordered(charter="ab" * 32), 409, "charter_not_in_force"),
        (ordered(replaces="ab" * 16), 409, "record_unknown"),
        (ordered(length=2**40), 413, "drop_off_too_large"),
        (ordered(length=2**19), 400, "drop_off_file_differs"),
        (ordered(digest="ab" * 32), 400, "drop_off_file_differs"),
    ],
    ids=[
        "no seat", "stranger", "the service itself", "another's name", "no signature", "other case",
        "other service", "other charter", "unknown correction", "too long", "length", "digest",
    ],
)  # fmt: skip
def test_bad_order_is_refused(office: Office, case: build.Case, spoil: Spoil, status: int, code: str) -> None:
    assert code_of(dropped(office, case, spoil(case)), status) == code
    assert records(office, case) == 0


def test_unknown_case_and_a_stranger_s_order_are_answered_alike(office: Office, case: build.Case) -> None:
    stranger = dropping.form(dropping.order_file(case.state, party("stranger")).dump())
    known = dropping.form(dropping.order_file(case.state, CLAIMANT).dump())
    answers = [
        send(office, case.id, stranger),
        send(office, "ab" * 32, stranger),
        send(office, "ab" * 32, known),
    ]
    assert [code_of(answer, 404) for answer in answers] == ["not_found"] * 3
    assert len({re.sub(rb'"request_id": "[0-9a-f]+"', b"", answer.get_data()) for answer in answers}) == 1


def test_nobody_but_a_depositor_starts_a_sealer(
    office: Office, case: build.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody can name a case that does not exist; a process for each would be dear."""
    monkeypatch.setattr(sealing_process.subprocess, "Popen", None)
    known = dropping.form(dropping.order_file(case.state, CLAIMANT).dump())
    bodies = [
        (case.id, dropping.form(dropping.order_file(case.state, party("stranger")).dump())),
        (case.id, dropping.form(without_signature(case).dump())),
        (case.id, dropping.form(named_by_another(case).dump())),
        ("ab" * 32, known),
    ]
    assert [code_of(send(office, to, body), 404) for to, body in bodies] == ["not_found"] * 4
    assert code_of(send(office, "ab" * 32, b"--x"), 400) == "drop_off_cut_short"
    assert code_of(dropped(office, case, dropping.order_file(case.state, case.convenor)), 403) == "not_a_seat"


def test_order_that_was_not_the_one_judged_is_not_carried_out(office: Office, case: build.Case) -> None:
    """A form in which the first thing that looks like the order is another's."""
    file, other = (dropping.order_file(case.state, CLAIMANT, name=name) for name in ("record", "other"))
    body = dropping.form(file.dump()).replace(
        b"\r\n\r\n", f'\r\nX: "order":"{other.order}"\r\n\r\n'.encode(), 1
    )
    assert code_of(send(office, case.id, body), 400) == "drop_off_form_malformed"
    assert records(office, case) == 0


def test_case_whose_charter_does_not_allow_it_is_left_alone(office: Office) -> None:
    case = office.accepted()
    before = tree(office.folder)
    assert (
        code_of(dropped(office, case, dropping.order_file(case.state, CLAIMANT)), 403)
        == "drop_off_not_allowed"
    )
    assert tree(office.folder) == before


def test_service_that_offers_none_reads_nothing_and_starts_no_sealer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path)
    case = office.case()
    case.open(dropping.charter(seats=case.seats, convenor=case.convenor)).accept_all()
    monkeypatch.setattr(sealing_process.subprocess, "Popen", None)
    answer = dropped(office, case, dropping.order_file(case.state, CLAIMANT))
    assert code_of(answer, 403) == "drop_offs_not_offered"


def test_file_beyond_the_operator_s_limit_is_refused(office: Office, case: build.Case) -> None:
    large = bytes(2 * MIB)
    file = dropping.order_file(case.state, CLAIMANT, large)
    assert code_of(dropped(office, case, file, large), 413) == "drop_off_too_large"
    within_the_form = bytes(MIB + MIB // 8)
    file = dropping.order_file(case.state, CLAIMANT, within_the_form)
    assert code_of(dropped(office, case, file, within_the_form), 413) == "drop_off_too_large"
    assert records(office, case) == 0


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda body: body[:-40], "drop_off_cut_short"),
        (lambda body: body[: len(body) // 2], "drop_off_cut_short"),
        (lambda body: b"", "drop_off_form_malformed"),
        (lambda body: body.replace(b'name="order"', b'name="ordre"'), "drop_off_form_malformed"),
        (lambda body: body.replace(b'name="document"', b'name="order"'), "drop_off_form_malformed"),
        (lambda body: body.replace(b"Content-Disposition: form", b"X: y"), "drop_off_form_malformed"),
        (lambda body: body.replace(b"--\r\n", b"\r\n", 1) + body, "drop_off_form_malformed"),
        (lambda body: b"x" * 400_000 + body, "drop_off_form_malformed"),
        (lambda body: body.replace(b'"format"', b'"fromat"'), "field_missing"),
        (lambda body: re.sub(rb'"salt":"..', b'"salt":"!!', body), "field_not_base64url"),
    ],
    ids=[
        "end missing", "half", "empty", "no order", "no document", "no names", "third part", "long preamble",
        "unknown field", "salt",
    ],
)  # fmt: skip
def test_misshapen_form_is_refused(
    office: Office, case: build.Case, spoil: Callable[[bytes], bytes], code: str
) -> None:
    body = dropping.form(dropping.order_file(case.state, CLAIMANT).dump())
    answer = send(office, case.id, spoil(body))
    assert code_of(answer, 400) == code
    assert records(office, case) == 0


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "multipart/form-data",
        'multipart/form-data; boundary="é"',
        "multipart/mixed; boundary=a",
    ],
)
def test_body_that_is_no_form_is_refused(office: Office, case: build.Case, kind: str) -> None:
    answer = send(office, case.id, b"{}", kind)
    assert answer.status_code in (400, 415)
    assert answer.get_json()["code"] in ("drop_off_form_malformed", "media_type_unsupported")


def test_words_of_the_document_are_in_no_refusal(office: Office, case: build.Case) -> None:
    """Who sends the two parts the wrong way round is told so, without a word of what they hold."""
    planted = b'{"the island is returned":1}'
    answer = send(office, case.id, dropping.form(planted, planted))
    assert answer.status_code == 400
    assert b"island" not in answer.get_data()


def test_drop_off_counts_among_its_depositor_s_open_uploads(office: Office, case: build.Case) -> None:
    strict = Office(office.folder, drop_off_bytes=MIB, open_uploads_per_card=1)
    document = dropping.DOCUMENT.swapcase()
    refused = dropping.order_file(case.state, CLAIMANT)
    assert code_of(dropped(strict, case, refused, document), 400) == "drop_off_file_differs"
    assert code_of(dropped(strict, case, refused), 409) == "uploads_open_limit"
    other = dropping.order_file(case.state, RESPONDENT, name="another")
    assert dropped(strict, case, other).status_code == 201


def test_nobody_sends_parts_into_what_the_service_seals(office: Office, case: build.Case) -> None:
    dropped(office, case, dropping.order_file(case.state, CLAIMANT))
    (upload,) = office.state(case.id).uploads
    assert code_of(office.send_part(case.id, CLAIMANT, upload, 1, b"x"), 404) == "not_found"


def test_sealer_that_dies_leaves_nothing_that_counts(
    office: Office, case: build.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing_process.sys, "executable", "/bin/false")
    answer = dropped(office, case, dropping.order_file(case.state, CLAIMANT))
    assert code_of(answer, 503) == "sealing_failed"
    monkeypatch.setattr(sealing_process.sys, "executable", "/nowhere")
    answer = dropped(office, case, dropping.order_file(case.state, CLAIMANT))
    assert code_of(answer, 503) == "sealing_failed"
    assert records(office, case) == 0
