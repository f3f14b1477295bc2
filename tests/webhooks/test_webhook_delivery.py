"""From an entry to a receiver: what is sent, to whom, how often, and what no receiver can do."""

import json
import threading
from typing import Any

import pytest
from support import build
from support.delivering import (
    CLAIMANT,
    ONE,
    TWO,
    Told,
    add,
    deliverer,
    hooks,
    later,
    noted,
    numbers,
)
from support.office import Office
from support.receiver import Got, Receiver, answer

from escrow.client import webhook
from escrow.crypto.identity import Identity
from escrow.crypto.webhook_key import public_key
from escrow.errors import ForgedError, UnavailableError
from escrow.ledger.keys import ServiceKeys
from escrow.model.webhook import Target
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome, Store
from escrow.webhooks.outbox import SCHEDULE
from escrow.webhooks.sending import Answer

STRANGER, ARBITRATOR = build.party("stranger"), build.party("arbitrator")
SECRET = "Zebra against Quagga"


def checked(office: Office, got: Got, key: str, who: Identity = CLAIMANT) -> webhook.Notice:
    """As the receiver of this card's first hook does it."""
    return webhook.verify(
        got.headers, got.body, key, owner=who.card.fingerprint, hook=ONE, now=office.clock.now
    )


def test_receiver_that_took_its_key_before_the_services_was_changed(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    key = office.get("/v1/service").get_json()["webhook_key"]
    new = build.party("new-key")
    assert deliverer(office, keys=ServiceKeys(new, (build.SERVICE,))).round().delivered == 1
    (got,) = receiver.got
    for trusted in (key, public_key(new)):
        checked(office, got, trusted)
    with pytest.raises(ForgedError, match="webhook_signature_false"):
        checked(office, got, public_key(STRANGER))


def test_member_is_told_of_each_new_entry_once_by_ids_alone(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    case.note(SECRET)
    posted = case.note(SECRET)
    told = Told()
    running = deliverer(office, told=told)
    assert running.round().delivered == 2
    assert running.round().delivered == 0
    key = office.get("/v1/service").get_json()["webhook_key"]
    head = case.state.head.n
    notices = [checked(office, one, key) for one in receiver.got]
    told_of = {one.n: one for one in notices}
    assert set(told_of) == {head - 1, head}
    last = told_of[head]
    assert (last.case, last.statement, last.kind) == (case.id, posted, "escrow.note.v1")
    assert set(json.loads(receiver.got[0].body)["data"]) == {"case", "n", "kind", "statement"}
    assert receiver.got[0].path == "/hook?of=court"
    assert receiver.got[0].headers["host"] == f"localhost:{receiver.port}"
    (shown,) = hooks(office, CLAIMANT)
    assert (shown["waiting"], shown["closed"]) == (0, None)
    assert shown["delivered"] in {one.id for one in notices}


def test_no_title_name_or_url_leaks_into_messages_outbox_or_log(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    add(office, CLAIMANT, receiver.url)
    case.note(SECRET)
    told = Told()
    deliverer(office, told=told).round()
    outbox = b"".join(
        path.read_bytes() for path in (office.folder / "store/records/outbox").rglob("*") if path.is_file()
    )
    sent = b"".join(one.body + json.dumps(one.headers).encode() for one in receiver.got)
    assert outbox
    assert sent
    log = json.dumps(told.lines).encode()
    planted = [SECRET.encode(), b"claimant", b"mediator", str(CLAIMANT.card).encode()]
    for word in planted:
        assert word not in outbox + sent + log
    assert b"localhost" not in log + outbox
    assert CLAIMANT.card.fingerprint.encode() not in outbox + sent + log


def test_entries_from_before_the_hook_and_of_others_cases_are_not_told(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    add(office, STRANGER, receiver.url, TWO)
    n = case.state.head.n
    case.note()
    deliverer(office).round()
    assert numbers(receiver) == [n + 1]


def test_same_id_of_two_cards_are_two_hooks(office: Office, receiver: Receiver) -> None:
    office.accepted()
    add(office, STRANGER, receiver.url)
    assert hooks(office, CLAIMANT) == []
    gone = office.client.delete(f"/v1/hooks/{ONE}", headers=office.bearer(CLAIMANT))
    assert (gone.status_code, gone.get_json()["code"]) == (404, "not_found")
    assert add(office, CLAIMANT, "https://other.example/")["url"] == "https://other.example/"
    assert hooks(office, STRANGER)[0]["url"] == receiver.url


def test_reader_without_a_seat_is_not_told_what_came(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    record = office.deposited(case)
    later(office, hours=1)
    add(office, ARBITRATOR, receiver.url)
    case.request(record, "settlement", ARBITRATOR)
    deliverer(office).round()
    assert len(receiver.got) == 1
    for one in receiver.got:
        data = json.loads(one.body)["data"]
        assert (data["kind"], data["statement"]) == (None, None)


def test_message_for_one_card_is_not_taken_by_the_receiver_of_another(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    deliverer(office).round()
    (got,) = receiver.got
    key = public_key(build.SERVICE)
    checked(office, got, key)
    with pytest.raises(ForgedError, match="webhook_of_another_hook"):
        checked(office, got, key, STRANGER)


def test_removed_hook_is_told_nothing_more(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    add(office, CLAIMANT, receiver.url)
    running = deliverer(office)
    running.round()
    receiver.got.clear()
    case.note()
    for _ in range(2):
        assert office.client.delete(f"/v1/hooks/{ONE}", headers=office.bearer(CLAIMANT)).status_code == 200
    assert running.round().delivered == 0
    assert receiver.got == []
    assert hooks(office, CLAIMANT)[0]["closed"]["why"] == "removed"


def test_hook_that_is_removed_in_the_middle_of_a_turn_is_told_nothing_more(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    add(office, CLAIMANT, receiver.url)
    for _ in range(3):
        case.note()
    sent: list[str] = []

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        sent.append(headers["webhook-id"])
        gone = office.client.delete(f"/v1/hooks/{ONE}", headers=office.bearer(CLAIMANT))
        assert gone.status_code == 200
        return Answer(delivered=True, outcome="status_204")

    done = deliverer(office, send=send).round()
    assert (done.delivered, done.waiting, len(sent)) == (1, 0, 1)


def test_receiver_that_answers_410_is_never_asked_again(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    add(office, CLAIMANT, receiver.url)
    receiver.behave = answer(410)
    deliverer(office).round()
    case.note()
    later(office, hours=2)
    deliverer(office).round()
    assert len(receiver.got) == 1
    assert hooks(office, CLAIMANT)[0]["closed"]["why"] == "gone"


def test_message_that_fails_comes_again_after_a_restart_with_the_same_id(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    receiver.behave = answer(500)
    deliverer(office).round()
    assert deliverer(office).round().failed == 0  # not due
    assert hooks(office, CLAIMANT)[0]["waiting"] == 1
    receiver.behave = answer(200)
    later(office, minutes=2.2)
    assert deliverer(office).round().delivered == 1
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])


def test_message_is_given_up_after_its_schedule_and_the_hook_closed(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    receiver.behave = answer(503)
    running = deliverer(office)
    for wait in SCHEDULE:
        later(office, minutes=wait * 1.1 + 6)
        running.round()
    assert len(receiver.got) == len(SCHEDULE)
    running.round()
    assert hooks(office, CLAIMANT)[0]["closed"]["why"] == "failing"
    later(office, days=3)
    deliverer(office).round()
    assert len(receiver.got) == len(SCHEDULE)


def test_message_given_up_closes_no_hook_where_another_got_through_in_the_minute_of_its_first_try(
    office: Office, receiver: Receiver
) -> None:
    case = noted(office, receiver)
    first: list[str] = []

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        first[:] = first or [headers["webhook-id"]]
        is_first = headers["webhook-id"] == first[0]
        return Answer(delivered=not is_first, outcome="status_400" if is_first else "status_204")

    running = deliverer(office, send=send)
    assert running.round().failed == 1
    case.note()
    later(office, seconds=11)
    assert running.round().delivered == 1
    for wait in SCHEDULE:
        later(office, minutes=wait * 1.1 + 6)
        running.round()
    assert (running.round().waiting, hooks(office, CLAIMANT)[0]["closed"]) == (0, None)


class DiesBeforeMark:
    """A storage on which the process dies right after the receiver has answered."""

    def __init__(self, inner: Store) -> None:
        self._inner, self.dies = inner, True

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        if self.dies and "/delivered" in name:
            raise UnavailableError("storage_failed", reason="died")
        return self._inner.create(bucket, name, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_crash_between_send_and_mark_repeats_the_message_and_loses_none(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    store: Any = DiesBeforeMark(FolderStore(office.folder / "store"))
    with pytest.raises(UnavailableError):
        deliverer(office, store=store).round()
    assert deliverer(office).round().delivered == 1
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 1
    assert len(receiver.got) == 2


def test_two_deliverers_at_once_lose_nothing_and_the_second_finds_all_done(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    n = case.state.head.n
    for _ in range(5):
        case.note()
    both = [deliverer(office), deliverer(office)]
    threads = [threading.Thread(target=one.round) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(numbers(receiver)) == set(range(n + 1, n + 6))
    before = len(receiver.got)
    assert [one.round().delivered for one in (*both, deliverer(office))] == [0, 0, 0]
    assert len(receiver.got) == before


def test_pause_of_days_between_two_deliverers_loses_nothing(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    n = case.state.head.n
    deliverer(office).round()
    later(office, days=1)
    case.note()
    later(office, days=10)
    case.note()
    later(office, hours=5)
    deliverer(office).round()
    assert numbers(receiver) == [n + 1, n + 2]


def test_damaged_case_holds_up_no_other(office: Office, receiver: Receiver) -> None:
    broken, sound = office.accepted(), office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    broken.note()
    sound.note()
    path = office.folder / "store/ledger" / names.entry(broken.id, broken.state.head.n)
    path.chmod(0o600)
    path.write_bytes(b"not an entry")
    told = Told()
    deliverer(office, told=told).round()
    assert {json.loads(one.body)["data"]["case"] for one in receiver.got} == {sound.id}
    assert [event for event, _ in told.lines].count("case_damaged") == 1


def test_planted_message_is_not_signed(office: Office, receiver: Receiver) -> None:
    noted(office, receiver)
    folder = office.folder / "store/records/outbox"
    sink = deliverer(office, send=lambda *_: Answer(delivered=False, outcome="later"))
    sink.round()
    (message,) = folder.rglob("message")
    message.write_bytes(message.read_bytes().replace(b'"n":', b'"n":1'))
    later(office, minutes=5)
    told = Told()
    deliverer(office, told=told).round()
    assert receiver.got == []
    assert "message_damaged" in [event for event, _ in told.lines]
