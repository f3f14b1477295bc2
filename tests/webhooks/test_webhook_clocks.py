"""A deliverer's clock that is wrong for a while: rounds are put off, nothing is lost or silenced."""

from datetime import datetime, timedelta

from support.delivering import CLAIMANT, Told, add, deliverer, later, noted, numbers
from support.office import Office
from support.receiver import Receiver, answer

from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket
from escrow.store.listing import every_name


def looked(office: Office) -> list[str]:
    return list(every_name(FolderStore(office.folder / "store"), Bucket.RECORDS, names.LOOKED))


def test_clock_that_jumps_ahead_for_one_round_loses_nothing_where_the_storage_has_no_other(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    running = deliverer(office)
    running.round()
    right = office.clock.now
    later(office, hours=6)
    running.round()
    assert len(looked(office)) == 2  # the second lies in the future
    office.clock.now = right + timedelta(minutes=1)
    n = case.state.head.n
    case.note()
    later(office, minutes=1)
    deliverer(office).round()
    assert numbers(receiver) == [n + 1]
    case.note()
    running.round()
    assert n + 2 in numbers(receiver)
    assert len(set(numbers(receiver))) == 2


def test_clock_that_differs_from_the_storages_puts_the_round_off_and_is_told(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    told, right = Told(), office.clock.now
    behind: list[datetime] = [right]
    running = deliverer(office, told=told, storage=lambda: behind[0])
    for hours in (6, -6):
        office.clock.now = right + timedelta(hours=hours)
        assert (running.round().delivered, looked(office), receiver.got) == (0, [], [])
    assert told.lines == [("clocks_differ", {"seconds": 6 * 60 * 60})] * 2
    office.clock.now = right + timedelta(minutes=5)
    assert running.round().delivered == 1


def test_clock_that_was_ahead_silences_a_hook_no_longer_than_its_longest_rest(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    running = deliverer(office)
    right = office.clock.now
    later(office, days=2)
    receiver.behave = answer(503)
    running.round()
    office.clock.now = right
    receiver.behave = answer(204)
    for one in (deliverer(office), running):  # the one that starts, and the one that rests
        later(office, minutes=1)
        one.round()
    assert len(receiver.got) == 2
    assert running.round().waiting == 0
