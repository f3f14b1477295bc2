"""What one card's many hooks, or one case's many entries, do to everybody else."""

import bisect
import gc
import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support import build
from support.delivering import CLAIMANT, CONVENOR, ONE, TWO, add, deliverer, later
from support.office import Office
from support.receiver import Receiver

from escrow.model.webhook import Message, Target, message_id
from escrow.store import names
from escrow.store.changes import minute_of
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome, Store
from escrow.store.names import OutboxName
from escrow.webhooks.delivering import LINES
from escrow.webhooks.outbox import Pending
from escrow.webhooks.sending import Answer

RESPONDENT = build.SEATS["respondent"]


def flooded(folder: Path, *, hooks_per_card: int) -> Office:
    return Office(
        folder, hooks_per_card=hooks_per_card, webhook_networks=("127.0.0.0/8",), requests_per_s_per_card=0,
        posts_per_s_per_case=0,
    )  # fmt: skip


def test_card_with_many_slow_receivers_does_not_starve_anothers(tmp_path: Path) -> None:
    office = flooded(tmp_path, hooks_per_card=LINES + 4)
    case = office.accepted()
    slow, good = sorted((CLAIMANT, RESPONDENT), key=lambda one: one.card.fingerprint)
    for number in range(LINES + 4):
        add(office, slow, "https://slow.example/", f"{number:032x}")
    add(office, good, "https://good.example/")
    case.note()
    reached = threading.Event()

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        if where.host == "slow.example":
            assert reached.wait(5)  # until the other card was told
        else:
            reached.set()
        return Answer(delivered=True, outcome="status_200")

    assert deliverer(office, send=send).round().waiting == 0


def test_hooks_of_a_card_whose_turn_ended_before_they_were_asked_are_first_in_the_next_round(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    later(office, hours=1)
    for hook in (ONE, TWO, "3" * 32):
        add(office, CLAIMANT, f"https://r{hook[0]}.example/", hook)
    for _ in range(3):
        case.note()
    asked: list[str] = []

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        asked.append(where.host)
        return Answer(delivered=True, outcome="status_200")

    running = deliverer(office, send=send, turn_s=0)
    assert running.round().delivered == 2
    assert running.round().delivered == 2
    assert len(set(asked)) == 3


class Counts:
    """A storage that counts the messages that are laid into outboxes."""

    def __init__(self, inner: Store) -> None:
        self._inner, self.made = inner, 0

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        self.made += name.startswith(names.OUTBOX) and name.endswith("/message")
        return self._inner.create(bucket, name, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_flood_in_one_case_does_not_keep_the_first_messages_from_being_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escrow.webhooks.finding.PER_CASE", 6)
    office = flooded(tmp_path, hooks_per_card=3)
    case = office.accepted()
    later(office, hours=1)
    for hook in (ONE, TWO):
        add(office, CLAIMANT, "https://flood.example/", hook)
    add(office, CONVENOR, "https://good.example/")
    n = case.state.head.n
    for _ in range(10):
        case.note()
    store: Any = Counts(FolderStore(office.folder / "store"))
    made: list[int] = []
    told: dict[str, list[int]] = {}

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        made.append(store.made)
        told.setdefault(where.host, []).append(json.loads(body)["data"]["n"])
        return Answer(delivered=True, outcome="status_200")

    running = deliverer(office, send=send, store=store)
    rounds = [running.round()]
    assert (made[0], rounds[0].found) == (6, 6)
    add(office, RESPONDENT, "https://new.example/")  # in the middle: it is told of what came since, too
    while running.is_behind:
        rounds.append(running.round())
    assert len(rounds) < 12
    assert {host: sorted(found) for host, found in told.items()} == {
        "flood.example": sorted([*range(n + 1, n + 11)] * 2),
        "good.example": [*range(n + 1, n + 11)],
        "new.example": [*range(n + 1, n + 11)],
    }
    assert not deliverer(office, store=store).round().found


def test_deliverer_that_is_started_anew_for_each_round_gets_through_a_flood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `--once` by a timer, killed after a round: what it laid there before does not count as its work."""
    monkeypatch.setattr("escrow.webhooks.finding.PER_CASE", 4)
    office = flooded(tmp_path, hooks_per_card=3)
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, "https://good.example/")
    for _ in range(10):
        case.note()

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        return Answer(delivered=True, outcome="status_200")

    assert [deliverer(office, send=send).round().delivered for _ in range(4)] == [4, 4, 2, 0]


class Backlog:
    """A storage in which the claimant's first hook has this many messages that were never tried."""

    def __init__(self, inner: Store, at: datetime, count: int) -> None:
        owner = CLAIMANT.card.fingerprint
        self._inner, self._prefix = inner, names.outbox_of(owner, ONE)
        self._bodies: dict[str, bytes] = {}
        for n in range(count):
            message = Message(case="c" * 64, n=n, at=at, kind=None, statement=None)
            name = message_id(owner, ONE, message.case, n)
            place = OutboxName(fingerprint=owner, hook=ONE, minute=minute_of(at), message=name)
            self._bodies[names.outbox(place)] = message.emit()
        self._all = sorted(self._bodies)

    def names(self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = 1000) -> list[str]:
        found = self._inner.names(bucket, prefix, after=after, limit=limit)
        begin = bisect.bisect_right(self._all, max(after, prefix))
        ours = [one for one in self._all[begin : begin + limit] if one.startswith(prefix)]
        return sorted([*found, *ours])[:limit] if prefix.startswith(self._prefix) else found

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        return self._bodies.get(name) or self._inner.get(bucket, name, limit=limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_backlog_of_a_dead_receiver_is_not_all_held_in_memory(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escrow.webhooks.delivering.HELD", 100)
    office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, "https://dead.example/")
    store: Any = Backlog(FolderStore(office.folder / "store"), office.clock.now, 3000)
    running = deliverer(office, store=store, send=lambda *_: Answer(delivered=False, outcome="unreachable"))
    done = running.round()
    assert (done.failed, done.waiting) == (1, 3000)
    gc.collect()
    assert sum(isinstance(one, Pending) for one in gc.get_objects()) <= 101


def test_messages_that_always_fail_keep_none_that_are_not_held_from_being_tried(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escrow.webhooks.delivering.HELD", 2)
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, "https://picky.example/")
    n = case.state.head.n
    for _ in range(7):
        case.note()
    through: list[int] = []

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        number = json.loads(body)["data"]["n"]
        if number <= n + 3:
            return Answer(delivered=False, outcome="status_400")
        through.append(number)
        return Answer(delivered=True, outcome="status_200")

    running = deliverer(office, send=send)
    for _ in range(12):
        later(office, minutes=6)
        done = running.round()
    assert (sorted(through), done.waiting) == ([*range(n + 4, n + 8)], 3)
