"""Long transfers: how many at once, in which pieces, and that each one ends."""

from collections.abc import Iterator

import pytest
from flask import Response
from support import build
from support.office import Office
from support.refusals import refuses

from escrow.api.blueprint import TRANSFERS
from escrow.api.transfers import LONG, SPARE_THREADS, Transfers
from escrow.errors import MalformedError, UnavailableError

LONGER = bytes(3 * LONG + 1)


def test_one_more_transfer_than_there_is_room_for_is_refused() -> None:
    transfers = Transfers(4)
    with transfers.receiving(LONG + 1), transfers.receiving(LONG + 1):
        with refuses(UnavailableError, "service_busy"), transfers.receiving(LONG + 1):
            raise AssertionError("a third one of two")
        with transfers.receiving(LONG):
            pass
    with transfers.receiving(LONG + 1):
        pass


def test_body_that_fails_gives_its_place_back() -> None:
    transfers = Transfers(3)
    for _ in range(2):
        with pytest.raises(OSError, match="gone"), transfers.receiving(LONG + 1):
            raise OSError("gone")


def test_borrowed_place_is_given_up_to_whoever_needs_it_the_oldest_first() -> None:
    transfers, cut_off = Transfers(4), []
    with (
        transfers.borrowing(lambda: cut_off.append("first")) as keep_first,
        transfers.borrowing(lambda: cut_off.append("second")),
        transfers.receiving(LONG + 1),
    ):
        assert cut_off == ["first"]
        with refuses(UnavailableError, "service_busy"):
            keep_first()
    transfers.take()
    transfers.take()
    with refuses(UnavailableError, "service_busy"):
        transfers.take()


def test_borrower_that_is_cut_off_is_told_that_the_service_is_busy() -> None:
    """And not that it was too slow, or unknown."""
    transfers = Transfers(3)
    with refuses(UnavailableError, "service_busy"), transfers.borrowing(lambda: None):
        transfers.take()
        raise MalformedError("drop_off_cut_short", field="request")
    transfers.give_back()
    with refuses(MalformedError, "drop_off_cut_short"), transfers.borrowing(lambda: None):
        raise MalformedError("drop_off_cut_short", field="request")
    transfers.take()


def test_place_that_is_kept_is_not_given_up() -> None:
    transfers, cut_off = Transfers(3), []
    with transfers.borrowing(lambda: cut_off.append("me")) as keep:
        keep()
        with refuses(UnavailableError, "service_busy"):
            transfers.take()
        with refuses(UnavailableError, "service_busy"), transfers.borrowing(lambda: None):
            raise AssertionError("a second place of one")
    assert cut_off == []
    transfers.take()


def test_answer_is_cut_into_pieces_and_gives_its_place_back_at_its_end() -> None:
    transfers = Transfers(3)
    for _ in range(2):
        response = Response(LONGER)
        transfers.send(response)
        assert [len(piece) for piece in response.response] == [LONG, LONG, LONG, 1]  # type: ignore[arg-type]


def test_answer_that_is_never_sent_gives_its_place_back_once() -> None:
    transfers = Transfers(3)
    for _ in range(2):
        response = Response(LONGER)
        transfers.send(response)
        response.close()
        response.close()


def test_answer_that_breaks_gives_its_place_back() -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(10)
        raise OSError("gone")

    transfers = Transfers(3)
    for _ in range(2):
        response = Response(broken(), headers={"Content-Length": str(LONG + 1)})
        transfers.send(response)
        with pytest.raises(OSError, match="gone"):
            list(response.response)


def test_long_page_goes_out_in_pieces(office: Office) -> None:
    case = office.accepted()
    for n in range(6):
        case.note(f"{n}" * 12_000)
    answer = office.get(f"/v1/cases/{case.id}/entries", build.CONVENOR)
    pieces = [len(piece) for piece in answer.response]
    assert sum(pieces) == int(answer.headers["Content-Length"]) > LONG
    assert max(pieces) <= LONG


def test_head_of_a_long_answer_takes_no_place(office: Office) -> None:
    case = office.accepted()
    record = case.deposit("record", payload=office.stored(case.id, data=LONGER))
    path = f"/v1/cases/{case.id}/records/{record}/payload"
    transfers = office.client.application.extensions[TRANSFERS]
    for _ in range(office.settings.threads - SPARE_THREADS):
        transfers.take()
    who = office.bearer(build.SEATS["claimant"])
    assert office.client.head(path, headers=who).status_code == 200
    answer = office.client.get(path, headers=who)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "service_busy")
    assert "ETag" not in answer.headers
