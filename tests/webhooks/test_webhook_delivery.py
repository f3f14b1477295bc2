"""From an entry to a receiver: what is sent, to whom, how often, and what no receiver can do."""

import json
import socket
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from support import build
from support.office import Office
from support.receiver import Receiver, answer

from escrow.client import webhook
from escrow.crypto.identity import Identity
from escrow.crypto.webhook_key import public_key
from escrow.errors import ForgedError, UnavailableError
from escrow.ledger.keys import ServiceKeys
from escrow.model.webhook import Target
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome, Store
from escrow.store.journal import Journal
from escrow.webhooks.address import Networks
from escrow.webhooks.delivering import TURN_S, Deliverer
from escrow.webhooks.finding import Finder
from escrow.webhooks.outbox import SCHEDULE
from escrow.webhooks.sending import Answer, Send, Sender

CONVENOR, CLAIMANT = build.CONVENOR, build.SEATS["claimant"]
STRANGER, ARBITRATOR = build.party("stranger"), build.party("arbitrator")
ONE, TWO = "1" * 32, "2" * 32
SECRET = "Zebra against Quagga"


class Told:
    """What a deliverer's log holds."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, facts: dict[str, object]) -> None:
        self.lines.append((event, facts))

    def outcomes(self) -> list[object]:
        return [facts["outcome"] for event, facts in self.lines if event in ("delivered", "failed")]


def sender(office: Office, *, whole_s: float = 20.0) -> Sender:
    settings = office.settings
    return Sender(Networks.of(settings.webhook_networks), ca_file=settings.webhook_ca_file, whole_s=whole_s)


def deliverer(
    office: Office,
    *,
    send: Send | None = None,
    store: Store | None = None,
    told: Told | None = None,
    keys: ServiceKeys | None = None,
    turn_s: float = TURN_S,
) -> Deliverer:
    """Another process, with nothing but the storage, the identity and the settings."""
    store = store or FolderStore(office.folder / "store")
    told = told or Told()
    keys = keys or ServiceKeys(build.SERVICE)
    journal = Journal(store, keys, office.clock, later=lambda work: None)
    finder = Finder(store, journal, lambda case, error: told("case_damaged", {"case": case}))
    return Deliverer(store, keys, finder, send or sender(office), office.clock, told, turn_s=turn_s)


def add(office: Office, who: Identity, url: str, hook: str = ONE) -> dict[str, Any]:
    put = office.client.put(f"/v1/hooks/{hook}", json={"url": url}, headers=office.bearer(who))
    assert put.status_code in (200, 201), put.get_json()
    found: dict[str, Any] = put.get_json()
    return found


def hooks(office: Office, who: Identity) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.get("/v1/hooks", who).get_json()["hooks"]
    return found


def later(office: Office, **time: float) -> None:
    office.clock.now += timedelta(**time)


def noted(office: Office, receiver: Receiver) -> build.Case:
    """A case of the claimant's with one entry since its hook was added."""
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    case.note()
    return case


def numbers(receiver: Receiver) -> list[int]:
    return sorted(json.loads(one.body)["data"]["n"] for one in receiver.got)


def test_receiver_that_took_its_key_before_the_services_was_changed(
    office: Office, receiver: Receiver
) -> None:
    noted(office, receiver)
    key = office.get("/v1/service").get_json()["webhook_key"]
    new = build.party("new-key")
    assert deliverer(office, keys=ServiceKeys(new, (build.SERVICE,))).round().delivered == 1
    (got,) = receiver.got
    for trusted in (key, public_key(new)):
        webhook.verify(got.headers, got.body, trusted, now=office.clock.now)
    with pytest.raises(ForgedError, match="webhook_signature_false"):
        webhook.verify(got.headers, got.body, public_key(STRANGER), now=office.clock.now)


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
    notices = [webhook.verify(one.headers, one.body, key, now=office.clock.now) for one in receiver.got]
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


# What a receiver may try


def post(send: Sender, receiver: Receiver, host: str = "localhost") -> Answer:
    return send(Target(host=host, port=receiver.port, path="/"), {}, b"{}")


def test_redirect_to_an_inner_address_is_not_followed(office: Office, receiver: Receiver) -> None:
    receiver.behave = answer(307, location=f"https://127.0.0.1:{receiver.port}/inner")
    found = post(sender(office), receiver)
    assert (found.delivered, found.outcome, len(receiver.got)) == (False, "status_307", 1)


def test_name_is_resolved_once_so_that_a_second_answer_cannot_lead_elsewhere(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    def never(*_: object, **__: object) -> Any:
        raise AssertionError("the system was asked for a name")

    send = Sender(Networks.of(["127.0.0.0/8"]), ca_file=office.settings.webhook_ca_file, resolve=resolve)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **rest: real(host, *more, **rest) if host == "127.0.0.1" else never(),
    )
    assert post(send, receiver).delivered
    assert asked == ["localhost"]
    assert post(send, receiver).outcome == "address_refused"
    assert len(receiver.got) == 1


def test_loopback_is_refused_unless_the_operator_allows_it(office: Office, receiver: Receiver) -> None:
    send = Sender(Networks(), ca_file=office.settings.webhook_ca_file)
    assert post(send, receiver).outcome == "address_refused"
    assert receiver.got == []


def test_proxy_of_the_environment_is_not_asked(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(sender(office), receiver).delivered


def test_certificate_of_another_name_or_of_nobody_is_refused(office: Office, receiver: Receiver) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    allowed = Networks.of(["127.0.0.0/8"])
    other = Sender(allowed, ca_file=office.settings.webhook_ca_file, resolve=resolve)
    assert post(other, receiver, "hooks.example").outcome == "certificate_refused"
    assert post(Sender(allowed), receiver).outcome == "certificate_refused"
    assert receiver.got == []


def drip(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
    while not over.wait(0.05):
        handler.wfile.write(b"x")


def test_answer_that_drips_is_cut_off_in_time(office: Office, receiver: Receiver) -> None:
    receiver.behave = lambda handler, _: drip(handler, receiver.over)
    assert post(sender(office, whole_s=0.5), receiver).outcome == "too_slow"


def test_handshake_that_never_ends_is_cut_off_in_time(office: Office, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = sender(office, whole_s=0.3)(
            Target(host="localhost", port=silent.getsockname()[1], path="/"), {}, b"{}"
        )
    assert found.outcome == "too_slow"


def test_huge_answer_is_not_read(office: Office, receiver: Receiver) -> None:
    sent = [0]

    def huge(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not receiver.over.is_set():
            handler.wfile.write(b"x" * 65536)
            sent[0] += 65536

    receiver.behave = huge
    assert post(sender(office), receiver).delivered
    assert sent[0] < 64 * 1024 * 1024


def test_endless_headers_are_refused(office: Office, receiver: Receiver) -> None:
    def endless(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(200)
        for n in range(1000):
            handler.send_header(f"x-{n}", "y")
        handler.end_headers()

    receiver.behave = endless
    assert post(sender(office), receiver).outcome == "answer_malformed"


def test_receiver_that_hangs_does_not_hold_up_another(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    add(office, CLAIMANT, receiver.url, ONE)
    add(office, CONVENOR, "https://slow.example/", ONE)
    case.note()
    reached = threading.Event()
    real = sender(office)

    def send(where: Target, headers: dict[str, str], body: bytes) -> Answer:
        if where.host == "slow.example":
            assert reached.wait(20)  # until the other one was told
            return Answer(delivered=False, outcome="too_slow")
        found = real(where, headers, body)
        reached.set()
        return found

    done = deliverer(office, send=send).round()
    assert done.failed == 1
    assert done.delivered > 0


def test_receiver_that_takes_every_message_slowly_does_not_hold_up_the_round(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    for _ in range(8):
        case.note()
    sent: list[bytes] = []

    def slow(target: Target, headers: dict[str, str], body: bytes) -> Answer:
        sent.append(body)
        time.sleep(0.2)
        return Answer(delivered=True, outcome="status_200")

    running = deliverer(office, send=slow, turn_s=0.3)
    first = running.round()
    assert (first.delivered, first.waiting) == (2, 6)
    while running.round().delivered:
        pass
    assert len(sent) == len(set(sent)) == 8


def test_name_server_that_never_answers_is_given_up_in_time(office: Office, receiver: Receiver) -> None:
    asked = threading.Event()

    def silent(host: str, port: int) -> Sequence[str]:
        asked.wait(5)
        return ["127.0.0.1"]

    settings = office.settings
    send = Sender(
        Networks.of(settings.webhook_networks), ca_file=settings.webhook_ca_file, resolve=silent, whole_s=0.3
    )
    began = time.monotonic()
    try:
        assert send(Target.parse(receiver.url), {}, b"{}").outcome == "too_slow"
        assert time.monotonic() - began < 2
    finally:
        asked.set()
    assert receiver.got == []
