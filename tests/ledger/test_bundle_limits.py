"""What a bundle may grow to, whatever seats do; and that what it opens stays here."""

import pickle

import pytest
from support import build

from escrow.ledger.bundle import MAX_BUNDLE, MAX_ENTRIES, MAX_SHARES, SHARES_A_SEAT, OpenedKey, select
from escrow.ledger.rules_release import MAX_SIGN_OFFS
from escrow.model.charter import MAX_SEATS
from escrow.model.path import MAX_CARDS
from escrow.model.record import MAX_BODY
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.model.wire import MAX_ITEMS

READERS = tuple(build.party(f"reader {i}") for i in range(MAX_CARDS))
ACROSS = 4 / 3  # base64url


def test_seat_that_signs_off_over_and_over_does_not_fill_the_bundle() -> None:
    """Its last objects are carried: it signs off again when one was lost."""
    case = build.accepted_case()
    request = case.request(case.deposit(), "settlement", build.party("arbitrator"))
    case.sign_off(request, *["claimant"] * MAX_SIGN_OFFS, "respondent")
    parts = select(case.state, request)
    given = case.state.requests[request].sign_offs
    assert parts.shares == tuple(
        one.shares for seat in ("claimant", "respondent") for one in given[seat][-SHARES_A_SEAT:]
    )
    assert {one.n for one in given["claimant"]} <= set(parts.entries)


def test_largest_release_fits_its_bundle() -> None:
    case = build.accepted_case()
    request = case.request(case.deposit(), "settlement", *READERS)
    asked = len(case.chain.entries[-1])
    _, shares = build.answer(case.state, request, "mediator", case.seats["mediator"])
    case.sign_off(request, "mediator")
    assert len(shares) <= MAX_SHARE_OBJECT
    signed, accepted = len(case.chain.entries[-1]), len(case.chain.entries[1])
    carried = MAX_SHARES * len(shares) * ACROSS
    signed_off_and_reported = 2 * MAX_SEATS * MAX_SIGN_OFFS * signed
    record = MAX_BODY * ACROSS**3
    charter = 2_200_000 + MAX_SEATS * accepted
    assert 30e6 < carried + signed_off_and_reported + record + charter + asked < MAX_BUNDLE
    assert 2 * MAX_SEATS * MAX_SIGN_OFFS + 2 * MAX_SEATS + 3 < MAX_ENTRIES
    assert MAX_ENTRIES + MAX_SHARES + 8 < MAX_ITEMS


def test_opened_key_does_not_leave_the_process_in_a_pickle() -> None:
    with pytest.raises(TypeError, match="OpenedKey refuses to be pickled"):
        pickle.dumps(OpenedKey(key=build.bytes_of("K"), named=()))
