"""The HTTP courier: which addresses it speaks to, how it reads what comes back, when it tries again."""

import json
import pickle
import socket
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from support.build import SERVICE, Clock, party
from support.refusals import refuses
from support.wsgi_transport import answer_of

from escrow.client import HttpCourier, http
from escrow.errors import (
    ConflictError,
    EscrowError,
    MalformedError,
    NotFoundError,
    RefusedError,
    SetupError,
    TooLargeError,
    TooManyError,
    UnauthorizedError,
    UnavailableError,
)
from escrow.model.record import Payload

URL = "https://escrow.example"


class Wire(HTTPAdapter):
    """Answers in turn with what it was given; the last for ever. An exception is raised instead."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        return answer_of(self, request, status, headers, body)


def problem(status: int, code: str, headers: Mapping[str, str] | None = None, **fields: Any) -> Any:
    body = {"type": "x", "title": "t", "status": status, "detail": "d", "code": code, "fields": fields}
    kind = {"Content-Type": "application/problem+json"} | dict(headers or {})
    return status, kind, json.dumps(body).encode()


def said(body: object, status: int = 200) -> Any:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


GOOD = said(
    {"card": str(SERVICE.card), "url": URL, "time": "2026-12-01T09:00:00.000Z", "version": "1", "new": 1}
)


def courier(*answers: Any, who: str | None = None) -> tuple[HttpCourier, Wire, list[float]]:
    wire, waits = Wire(*answers), []
    identity = None if who is None else party(who)
    return HttpCourier(URL, identity, clock=Clock(), transport=wire, pause=waits.append), wire, waits


# Addresses


@pytest.mark.parametrize(
    "url", ["http://escrow.example", "http://10.0.0.1:8000", "http://localhost.evil.example"]
)
def test_plain_http_is_refused(url: str) -> None:
    with refuses(SetupError, "plain_http_refused", url=url):
        HttpCourier(url)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://127.0.0.1:8000/", "http://127.8.8.8", "http://[::1]:80"]
)
def test_plain_http_on_this_machine_is_allowed(url: str) -> None:
    assert HttpCourier(url).url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "escrow.example",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?q",
        "https://x#f",
        "https://[",
        "https://x:99999",
    ],
)
def test_address_that_is_none_is_refused(url: str) -> None:
    with refuses(MalformedError, "service_url_malformed", field="url"):
        HttpCourier(url)


# Problems, mapped back


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "field_missing", MalformedError),
        (401, "token_stale", UnauthorizedError),
        (403, "uploads_not_allowed", RefusedError),
        (404, "not_found", NotFoundError),
        (409, "record_taken", RefusedError),
        (409, "append_conflict", ConflictError),
        (413, "field_too_large", TooLargeError),
        (422, "dealing_proof_false", RefusedError),
        (503, "storage_full", UnavailableError),
    ],
)
def test_problem_comes_back_with_its_code_and_fields_but_never_as_something_found_false_here(
    status: int, code: str, kind: type[EscrowError]
) -> None:
    refused = problem(status, code, {"X-Request-Id": "r-1"}, limit=7, seats=["a", "b"], author="cd")
    with refuses(kind, code, limit=7, seats=("a", "b"), author="cd", request_id="r-1"):
        courier(refused)[0].service()


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b'{"card": 1}'),
        said({"card": "escrowcard1", "url": URL, "time": "", "version": "1"}),
        (301, {"Location": "https://elsewhere.example"}, b""),
        (400, {"Content-Type": "text/html"}, b"<h1>no</h1>"),
        (418, {"Content-Type": "application/problem+json"}, b"{}"),
        (400, {"Content-Type": "application/problem+json"}, b"nonsense"),
        problem(400, "Not a code!"),
        problem(400, "\u001b[31m"),
        (400, {"Content-Type": "application/problem+json"}, b"[" * 60_000),
    ],
)
def test_answer_of_no_known_shape_is_malformed(answer: Any) -> None:
    with refuses(MalformedError, "answer_malformed"):
        courier(answer)[0].service()


def test_problem_is_marked_as_the_service_s_word_and_what_this_program_says_of_an_answer_is_not() -> None:
    for answer, theirs in ((problem(422, "signature_false"), True), ((200, {}, b"<html>"), False)):
        with pytest.raises(EscrowError) as caught:
            courier(answer)[0].service()
        assert caught.value.by_service is theirs
        assert pickle.loads(pickle.dumps(caught.value)).by_service is theirs  # made here


def test_fields_that_could_play_with_a_terminal_are_left_out() -> None:
    refused = problem(409, "record_taken", record="\u001b[2J", nested={"a": 1}, flag=True, ok="yes")
    with pytest.raises(RefusedError) as caught:
        courier(refused)[0].service()
    assert dict(caught.value.fields) == {"ok": "yes"}


def test_answer_beyond_its_limit_is_refused() -> None:
    with refuses(TooLargeError, "answer_too_large", field="answer"):
        courier((200, {}, b" " * (2 * 1024 * 1024)))[0].service()


def test_page_of_large_entries_is_asked_for_in_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ENTRIES_ANSWER", 1000)
    long, short = (200, {}, b" " * 2000), said({"entries": ["x"], "next": 0})
    line, wire, _ = courier(long, long, short)
    assert line.entries("0" * 64, after=-1).more
    limits = [str(request.url).rpartition("limit=")[2] for request in wire.requests]
    assert limits == ["200", "12", "1"]
    with refuses(TooLargeError, "answer_too_large"):
        courier(long)[0].entries("0" * 64, after=-1)


# Trying again


def test_service_that_cannot_be_reached_is_tried_a_few_times_and_no_more() -> None:
    line, wire, waits = courier(requests.ConnectionError("secret detail"))
    with refuses(UnavailableError, "service_unreachable"):
        line.service()
    assert (len(wire.requests), len(waits)) == (5, 4)
    assert all(0.1 <= wait <= 5 for wait in waits)


def test_certificate_that_is_false_has_a_code_of_its_own() -> None:
    with refuses(UnavailableError, "service_certificate_refused"):
        courier(requests.exceptions.SSLError())[0].service()


def test_service_that_speaks_no_tls_is_told_from_a_false_certificate() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as plain:
        thread = threading.Thread(target=_answer_plainly, args=(plain,), daemon=True)
        thread.start()
        with refuses(UnavailableError, "service_speaks_no_tls"):
            HttpCourier(f"https://127.0.0.1:{plain.getsockname()[1]}", pause=lambda _: None).service()


def _answer_plainly(plain: socket.socket) -> None:
    with suppress(OSError):  # closed at the end
        while True:
            with plain.accept()[0] as line:
                line.recv(4096)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def test_authorities_that_are_not_there_are_no_silence_of_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = str(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", missing)
    with refuses(SetupError, "authorities_missing", path=missing, variable="REQUESTS_CA_BUNDLE"):
        HttpCourier("https://127.0.0.1:1", pause=lambda _: None).service()


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ReadTimeout(),
        problem(503, "storage_full"),
        (502, {}, b"bad gateway"),
        problem(409, "append_conflict"),
    ],
)
def test_trouble_that_passes_is_not_noticed(trouble: Any) -> None:
    line, wire, _ = courier(trouble, trouble, GOOD)
    assert line.service().card == SERVICE.card
    assert len(wire.requests) == 3


def test_refusal_is_not_tried_again() -> None:
    line, wire, waits = courier(problem(409, "record_taken"))
    with refuses(RefusedError, "record_taken"):
        line.service()
    assert (len(wire.requests), waits) == (1, [])


# What is sent


def test_token_is_signed_for_this_service_and_used_for_a_while() -> None:
    line, wire, _ = courier(said({"cases": [], "next": None}), who="claimant")
    line.cases(after=None)
    line.cases(after="x")
    tokens = {request.headers["Authorization"] for request in wire.requests}
    assert len(tokens) == 1
    assert wire.requests[1].url == f"{URL}/v1/cases?after=x"


def test_nobody_sends_no_token_and_no_netrc(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine escrow.example login me password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    line, wire, _ = courier(GOOD)
    line.service()
    assert "Authorization" not in wire.requests[0].headers


def test_range_that_does_not_begin_where_asked_is_refused() -> None:
    answer = (206, {"Content-Range": "bytes 0-9/10"}, b"0123456789")
    with refuses(MalformedError, "answer_malformed", field="Content-Range"):
        courier(answer)[0].payload("0" * 64, "0" * 32, start=5).__enter__()
    with refuses(MalformedError, "answer_malformed", status=200):
        courier((200, {"Content-Length": "10"}, b""))[0].payload("0" * 64, "0" * 32, start=5).__enter__()


@pytest.mark.parametrize(
    ("asked", "waited"),
    [("7", 7), ("86400", http.LONGEST_ASKED_S), ("999999999", 0), ("-5", 0), ("soon", 0), ("\u0667", 0)],
)
@pytest.mark.parametrize(("status", "code"), [(503, "storage_unavailable"), (429, "too_many_requests")])
def test_patience_that_a_service_asks_for_is_given_within_bounds(
    asked: str, waited: int, status: int, code: str
) -> None:
    line, _, waits = courier(problem(status, code, {"Retry-After": asked}), GOOD)
    assert line.service().url == URL
    (wait,) = waits
    assert wait == waited if waited else 0 < wait < 1


@pytest.mark.parametrize("room", ["card", "case", "card-sign-offs"])
def test_limit_of_use_is_waited_for_as_long_as_the_service_says(room: str) -> None:
    limited = problem(429, "too_many_requests", {"Retry-After": "3"}, room=room, retry_after=3)
    line, _, waits = courier(limited, limited, GOOD)
    assert line.service().url == URL
    assert waits == [3, 3]


def test_limit_of_use_that_does_not_end_is_told_as_such() -> None:
    limited = problem(429, "too_many_requests", {"Retry-After": "1"}, room="card", retry_after=1)
    line, _, _ = courier(*[limited] * http.ATTEMPTS)
    with refuses(TooManyError, "too_many_requests", room="card", retry_after=1):
        line.service()


def test_request_is_read_as_far_as_a_reader_who_waits_needs_it() -> None:
    verdict = {"met": False, "need": 2, "have": 1, "label": "2 of", "missing": ["mediator"], "children": []}
    waits = verdict | {"opens_at": "2027-01-01T00:00:00.000Z", "enforced": "procedural"}
    line, wire, _ = courier(said({"request": "1" * 64, "verdict": waits, "released_at": None}))
    found = line.request("0" * 64, "1" * 64)
    assert (found.have, found.need, found.missing, found.released) == (1, 2, ("mediator",), False)
    assert found.opens_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert str(wire.requests[0].url) == f"{URL}/v1/cases/{'0' * 64}/requests/{'1' * 64}"
    with refuses(MalformedError, "answer_malformed", field="answer.verdict.have"):
        courier(said({"verdict": waits | {"have": "one"}, "released_at": None}))[0].request("0", "1")


def test_limit_of_use_that_lasts_ends_as_the_services_own_refusal() -> None:
    line, wire, waits = courier(problem(429, "too_many_requests", {"Retry-After": "2"}))
    with refuses(TooManyError, "too_many_requests", retry_after=2):
        line.service()
    assert (len(wire.requests), waits) == (http.ATTEMPTS, [2] * (http.ATTEMPTS - 1))


@pytest.mark.parametrize("code", ["service_busy", "too_many_requests"])
def test_whole_payload_is_sent_again_only_where_nothing_of_it_was_taken(code: str) -> None:
    payload = Payload(sha256="0" * 64, length=3, upload="1" * 32)
    taken = said({"length": 3, "sha256": "0" * 64})
    line, wire, _ = courier(problem(429 if code[0] == "t" else 503, code), taken)
    line.put_payload("0" * 64, "1" * 32, lambda: iter([b"abc"]), payload=payload)
    assert len(wire.requests) == 2
    line, wire, _ = courier(problem(503, "storage_failed"), taken)
    with refuses(UnavailableError, "storage_failed"):
        line.put_payload("0" * 64, "1" * 32, lambda: iter([b"abc"]), payload=payload)
    assert len(wire.requests) == 1
