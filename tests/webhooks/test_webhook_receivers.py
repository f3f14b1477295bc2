"""What a receiver, a name server or a proxy may try at a delivery."""

import socket
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from support.delivering import (
    CLAIMANT,
    CONVENOR,
    ONE,
    add,
    deliverer,
    later,
    sender,
)
from support.office import Office
from support.receiver import Receiver, answer

from escrow.model.webhook import Target
from escrow.webhooks.address import Networks
from escrow.webhooks.sending import Answer, Sender


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


def test_interim_answers_without_end_are_refused_before_the_time_is_over(
    office: Office, receiver: Receiver
) -> None:
    def endless(handler: BaseHTTPRequestHandler, _: int) -> None:
        while not receiver.over.is_set():
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n" + b"a: b\r\n" * 50 + b"\r\n")

    receiver.behave = endless
    assert post(sender(office, whole_s=2), receiver).outcome == "answer_malformed"


def test_interim_answer_before_the_true_one_is_passed_over(office: Office, receiver: Receiver) -> None:
    def early(handler: BaseHTTPRequestHandler, n: int) -> None:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        answer(204)(handler, n)

    receiver.behave = early
    assert post(sender(office), receiver).outcome == "status_204"


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
