"""The auditor after each injected fault: it names the fault, the entry and the party, and goes on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import build

from escrow.errors import RefusedError
from escrow.ledger import entry as entries
from escrow.ledger import statement as statements
from escrow.ledger.audit import AuditReport, Fault, audit
from escrow.ledger.entry import Entry
from escrow.ledger.state import RecordState
from escrow.ledger.statement import Head
from escrow.model.share_object import ShareObject, share_hash

SERVICE = build.SERVICE.card.fingerprint
SEALED, REQUESTED, FIRST_SIGN_OFF, LAST = 4, 5, 6, 7
"""The released case: opened (0), accepted by three (1-3), sealed, requested, signed off twice."""


@pytest.fixture(scope="module")
def case() -> build.Case:
    return build.released_case()[0]


@pytest.fixture
def chain(case: build.Case) -> list[str]:
    """A copy of the entries, to be spoiled."""
    assert isinstance(case.chain, build.MemoryChain)
    return list(case.chain.entries)


def stored(record: RecordState) -> tuple[str, int]:
    return record.body.payload.sha256, record.body.payload.length


def run(case: build.Case, chain: list[str]) -> AuditReport:
    return audit(chain, case.shares.get, stored, case=case.id)


def codes(report: AuditReport) -> list[tuple[str, int]]:
    return [(fault.code, fault.n) for fault in report.faults]


def flip(raw: str, at: int) -> str:
    """Another letter of base64url at this place; the encoding stays canonical inside a part."""
    return raw[:at] + ("A" if raw[at] != "A" else "B") + raw[at + 1 :]


def rewrite(raw: str, **changed: object) -> str:
    """The entry as the service itself would sign it with something changed."""
    old = Entry.read(raw, build.SERVICE.card)
    fields = {"case": old.case, "n": old.n, "prev": old.prev, "received_at": old.received_at}
    fields |= {"statement": old.statement_raw} | changed
    return entries.compose(build.SERVICE, **fields)  # type: ignore[arg-type]


def test_honest_case_is_clean(case: build.Case, chain: list[str]) -> None:
    report = audit(iter(chain), case.shares.get, stored, case=case.id)  # a stream will do
    report.require_clean()
    assert (report.case, report.head, report.entries, report.records) == (case.id, case.state.head, 8, 1)
    assert report.warnings == ()


def test_report_with_faults_insists(case: build.Case, chain: list[str]) -> None:
    with pytest.raises(RefusedError, match="audit_found_faults") as caught:
        run(case, chain[:-2] + chain[-1:]).require_clean()
    assert caught.value.fields == {"faults": 1, "first": "entries_missing"}


# One entry flipped, dropped, doubled, moved, rewritten


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("part", ["payload", "signature"])
def test_flipped_entry_is_found_and_the_rest_is_still_judged(
    case: build.Case, chain: list[str], n: int, part: str
) -> None:
    at = len(chain[n]) // 2 if part == "payload" else len(chain[n]) - 40
    chain[n] = flip(chain[n], at)
    report = run(case, chain)
    assert ("signature_false", n) == codes(report)[0]
    assert all(fault.follows == n for fault in report.faults[1:])
    assert all(fault.party == "" for fault in report.faults[1:])
    assert report.entries == 8


@pytest.mark.parametrize("n", range(1, 7))
def test_dropped_entry_is_found(case: build.Case, chain: list[str], n: int) -> None:
    del chain[n]
    report = run(case, chain)
    assert report.faults[0] == Fault(
        code="entries_missing", n=n, party="", fields={"first": n, "last": n}, follows=None
    )
    assert all(fault.follows == n for fault in report.faults[1:])


def test_two_gaps_are_two_faults(case: build.Case, chain: list[str]) -> None:
    case = build.accepted_case()
    for _ in range(6):
        case.note()
    chain = list(case.chain.entries)  # type: ignore[attr-defined]
    del chain[8], chain[4:6]
    report = audit(chain, None, None)
    assert [fault.fields for fault in report.faults] == [{"first": 4, "last": 5}, {"first": 8, "last": 8}]


def test_entries_cut_off_at_the_end_are_found_by_who_remembers_the_head(
    case: build.Case, chain: list[str]
) -> None:
    report = audit(chain[:-1], case.shares.get, stored, known=case.state.head)
    assert codes(report) == [("ledger_rolled_back", LAST)]
    assert audit(chain[:-1], case.shares.get, stored).faults == ()


def test_other_chain_than_the_one_remembered_is_found(case: build.Case, chain: list[str]) -> None:
    seen = Head(n=3, hash="00" * 32)
    assert codes(audit(chain, None, None, known=seen)) == [("ledger_forked", 3)]


@pytest.mark.parametrize("n", [0, 1, SEALED, LAST])
def test_doubled_entry_is_found(case: build.Case, chain: list[str], n: int) -> None:
    chain.insert(n, chain[n])
    assert codes(run(case, chain)) == [("entry_out_of_order", n)]


def test_entry_doubled_at_the_end_is_found(case: build.Case, chain: list[str]) -> None:
    assert codes(run(case, [*chain, chain[2]])) == [("entry_out_of_order", 2)]


def test_reordered_entries_are_found(case: build.Case, chain: list[str]) -> None:
    chain[1], chain[2] = chain[2], chain[1]
    found = codes(run(case, chain))
    assert found[:2] == [("entries_missing", 1), ("entry_out_of_order", 1)]


def test_junk_between_entries_does_not_shift_the_rest(case: build.Case, chain: list[str]) -> None:
    chain.insert(3, "junk")
    report = run(case, chain)
    assert codes(report) == [("jws_malformed", 3)]
    assert report.head == case.state.head


def test_entry_rewritten_by_the_service_breaks_the_chain(case: build.Case, chain: list[str]) -> None:
    later = Entry.read(chain[2], build.SERVICE.card).received_at + timedelta(milliseconds=1)
    chain[2] = rewrite(chain[2], received_at=later)
    report = run(case, chain)
    assert [(fault.code, fault.n, fault.party) for fault in report.faults] == [
        ("entry_chain_broken", 3, SERVICE),
        ("entry_time_backwards", 3, SERVICE),
    ]
    assert report.records == 1


def test_chain_rewritten_by_the_service_contradicts_the_heads_that_authors_saw(case: build.Case) -> None:
    """A note swapped for another, and everything after it chained anew: only the parties' heads tell."""
    case = build.accepted_case()
    case.note("first")
    case.note("second")
    case.deposit()
    chain = list(case.chain.entries)  # type: ignore[attr-defined]
    forged = build.MemoryChain()
    for raw in chain[:4]:
        forged.take(raw)
    other = statements.compose(
        build.CONVENOR, build.Note(text=build.sealed("another")), case=case.id, head=forged.state.head
    )
    forged.append(other)
    previous = forged.state.head.hash
    tail = []
    for raw in chain[5:]:
        tail.append(rewrite(raw, prev=previous))
        previous = Entry.read(tail[-1], build.SERVICE.card).hash
    report = audit([*forged.entries, *tail], None, None)
    assert ("head_not_of_case", 5) in codes(report)
    assert {fault.party for fault in report.faults} == {SERVICE}
    assert report.records == 1


def test_seat_that_signed_two_acceptances_makes_no_honest_depositor_a_forger() -> None:
    """It and the service put other keys under a record: the dealing's proof does not fit them."""
    case = build.accepted_case()
    case.note()
    request = case.request(case.deposit(), "settlement", build.party("arbitrator"))
    case.sign_off(request, "claimant", "respondent")
    chain = list(case.chain.entries)  # type: ignore[attr-defined]
    forged = list(build.with_other_keys(case).entries)
    for raw in chain[4:]:
        forged.append(rewrite(raw, prev=Entry.read(forged[-1], build.SERVICE.card).hash))
    faults = audit(forged, case.shares.get, stored, case=case.id).faults
    assert (faults[0].code, faults[0].n, faults[0].party) == ("head_not_of_case", 4, SERVICE)
    [differs] = [fault for fault in faults if fault.code == "path_context_differs"]
    assert (differs.n, differs.party, differs.follows) == (5, "", 3)
    assert {fault.party for fault in faults} == {SERVICE, ""}


def test_clock_that_runs_back_is_named_and_the_rest_is_judged(case: build.Case, chain: list[str]) -> None:
    old = Entry.read(chain[LAST], build.SERVICE.card)
    chain[LAST] = rewrite(chain[LAST], received_at=old.received_at - timedelta(hours=1))
    report = run(case, chain)
    assert [(fault.code, fault.n, fault.party) for fault in report.faults] == [
        ("entry_time_backwards", LAST, SERVICE)
    ]
    assert report.head is not None
    assert report.head.n == LAST


# Statements that should not have entered


def append_unasked(case: build.Case, chain: list[str], raw_statement: str) -> list[str]:
    """The service signs an entry whatever the rules say."""
    head, at = case.state.head, case.state.received_at
    made = entries.compose(
        build.SERVICE, case=case.id, n=head.n + 1, prev=head.hash, received_at=at, statement=raw_statement
    )
    return [*chain, made]


def test_statement_with_a_false_signature_is_the_services_fault(case: build.Case, chain: list[str]) -> None:
    raw = case.statement(build.CONVENOR, build.Note(text=build.SEALED))
    report = run(case, append_unasked(case, chain, flip(raw, len(raw) - 40)))
    assert [(f.code, f.n, f.party) for f in report.faults] == [("signature_false", 8, SERVICE)]


def test_statement_of_a_stranger_is_the_services_fault(case: build.Case, chain: list[str]) -> None:
    raw = case.statement(build.party("stranger"), build.Note(text=build.SEALED))
    report = run(case, append_unasked(case, chain, raw))
    assert [(f.code, f.n, f.party) for f in report.faults] == [("author_unknown", 8, SERVICE)]


def test_dealing_with_a_false_proof_names_the_depositor(case: build.Case, chain: list[str]) -> None:
    author = case.seats["claimant"]
    sealed = build.seal_record(case.state, author, "second")
    other = build.seal_record(case.state, author, "third").deed
    raw = case.statement(author, replace(sealed.deed, proofs=other.proofs))
    report = run(case, append_unasked(case, chain, raw))
    assert [(f.code, f.n, f.party) for f in report.faults] == [
        ("dealing_proof_false", 8, author.card.fingerprint)
    ]


def test_entry_of_another_case_is_found(case: build.Case, chain: list[str]) -> None:
    other = build.Case().open(build.charter(public_notice="another")).accept_all()
    chain.insert(2, other.chain.entries[2])  # type: ignore[attr-defined]
    assert [(f.code, f.party) for f in run(case, chain).faults] == [("entry_of_other_case", "")]


# The anchor


def test_other_case_than_expected_is_refused(case: build.Case, chain: list[str]) -> None:
    report = audit(chain, None, None, case="00" * 32)
    assert codes(report) == [("case_unexpected", 0), ("audit_without_anchor", 0)]
    assert (report.case, report.entries) == (None, 8)


def test_other_service_than_expected_is_refused(chain: list[str]) -> None:
    report = audit(chain, None, None, service=build.party("other service").card)
    assert codes(report)[0] == ("service_card_unexpected", 0)


def test_case_without_its_opening_cannot_be_audited(chain: list[str]) -> None:
    assert codes(audit(chain[1:], None, None))[-1] == ("audit_without_anchor", 0)


def test_nothing_at_all_is_a_fault() -> None:
    assert codes(audit([], None, None)) == [("audit_without_anchor", 0)]


# Share objects


def test_missing_share_object_is_found(case: build.Case, chain: list[str]) -> None:
    report = audit(chain, lambda _: None, stored)
    assert codes(report) == [("share_object_missing", FIRST_SIGN_OFF), ("share_object_missing", LAST)]
    assert {fault.party for fault in report.faults} == {""}


def test_swapped_share_object_blames_no_seat(case: build.Case, chain: list[str]) -> None:
    first, second = case.shares.values()
    swap = {share_hash(first): second, share_hash(second): first}
    report = audit(chain, swap.get, stored)
    assert codes(report) == [("share_object_swapped", FIRST_SIGN_OFF), ("share_object_swapped", LAST)]
    assert {fault.party for fault in report.faults} == {""}


def sign_off_with(case: build.Case, request: str, seat: str, spoil: Callable[[ShareObject], bytes]) -> None:
    """A seat signs for a share object of its own making, and the service lets it pass."""
    deed, raw = build.answer(case.state, request, seat, case.seats[seat])
    spoiled = spoil(ShareObject.parse(raw, public=False))
    case.shares[share_hash(spoiled)] = spoiled
    case.post(case.seats[seat], replace(deed, shares=share_hash(spoiled)))


def test_false_share_names_the_seat_and_a_later_good_one_makes_it_a_warning() -> None:
    case = build.accepted_case()
    request = case.request(case.deposit(), "settlement", build.party("arbitrator"))

    def spoil(shares: ShareObject) -> bytes:
        [one] = shares.tickets
        doubled = replace(one.answer, W=one.answer.W + one.answer.W)
        return replace(shares, tickets=(replace(one, answer=doubled),)).encode()

    sign_off_with(case, request, "mediator", spoil)
    chain = case.chain.entries  # type: ignore[attr-defined]
    [fault] = audit(chain, case.shares.get, stored).faults
    assert (fault.code, fault.party) == ("share_false", case.seats["mediator"].card.fingerprint)
    case.sign_off(request, "mediator")
    report = audit(chain, case.shares.get, stored)
    assert report.faults == ()
    assert [warning.code for warning in report.warnings] == ["share_false"]


def test_party_without_the_shares_of_an_open_request_finds_no_fault() -> None:
    case = build.accepted_case()
    request = case.request(case.deposit(), "settlement", build.party("arbitrator"))
    case.sign_off(request, "mediator")
    chain = case.chain.entries  # type: ignore[attr-defined]
    assert audit(chain, lambda _: None, stored, released_only=True).faults == ()
    assert codes(audit(chain, lambda _: None, stored)) == [("share_object_missing", 6)]


# Payloads


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(lambda found: None, "payload_missing", id="missing"),
        pytest.param(lambda found: (found[0], found[1] - 1), "payload_length_differs", id="truncated"),
        pytest.param(lambda found: (found[0], found[1] + 1), "payload_length_differs", id="extended"),
        pytest.param(lambda found: ("00" * 32, found[1]), "payload_changed", id="swapped"),
    ],
)
def test_payload_that_is_not_the_one_sealed_is_found(
    case: build.Case,
    chain: list[str],
    spoil: Callable[[tuple[str, int]], tuple[str, int] | None],
    code: str,
) -> None:
    report = audit(chain, case.shares.get, lambda record: spoil(stored(record)))
    assert codes(report) == [(code, SEALED)]


# Whatever is done to the list

spoilings = st.lists(
    st.tuples(st.sampled_from(["drop", "double", "swap", "flip", "cut", "junk"]), st.integers(0, 99)),
    min_size=1,
    max_size=3,
)


def spoil_list(chain: list[str], deed: str, seed: int) -> None:
    at = seed % len(chain)
    match deed:
        case "drop":
            del chain[at]
        case "double":
            chain.insert(seed * 7 % len(chain), chain[at])
        case "swap":
            chain[at], chain[0] = chain[0], chain[at]
        case "flip":
            chain[at] = flip(chain[at], seed * 31 % max(1, len(chain[at]))) if chain[at] else "x"
        case "cut":
            chain[at] = chain[at][:seed]
        case "junk":
            chain.insert(at, "x" * seed)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=spoilings)
def test_no_spoiled_chain_passes_and_none_stops_the_auditor(
    case: build.Case, chain: list[str], deeds: list[tuple[str, int]]
) -> None:
    spoiled = list(chain)
    for deed, seed in deeds:
        if spoiled:
            spoil_list(spoiled, deed, seed)
    report = run(case, spoiled)
    assert report.entries == len(spoiled)
    if report.faults == ():
        assert spoiled == chain[: len(spoiled)]  # a whole beginning: only a remembered head tells more
