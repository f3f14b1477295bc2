"""The SDK against the real service, through HTTP's words but no network: the story, and lines that break."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from client.town import Town
from support.build import START, Clock, party
from support.refusals import refuses
from support.wsgi_transport import answer_of

from escrow.client import PathChoice, Session, make_ticket, open_release
from escrow.errors import RefusedError, UnauthorizedError
from escrow.model.wire import encode_json


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def deposit(town: Town, people: dict[str, Session], case: str, path: PathChoice, body: bytes) -> str:
    source = town.folder / "document.txt"
    source.write_bytes(body)
    people["claimant"].deposit(case, source, [path], title="Title", label="Label")
    return people["claimant"].records(case)[-1].record


def test_six_lines_open_a_settlement_to_an_arbitrator(town: Town) -> None:
    case, people = town.accepted()
    record = deposit(town, people, case, PathChoice(name="settlement"), b"settled" * 9000)
    arbitrator = party("arbitrator")
    ticket = make_ticket(arbitrator, people["respondent"].introduce(case, record, "settlement"))
    request = people["respondent"].request(case, record, "settlement", [ticket], "to rule on it").statement
    people["claimant"].sign_off(case, request)
    with refuses(RefusedError, "not_released"):
        open_release(town.line("arbitrator"), case, request, town.folder / "early", identity=arbitrator)
    people["mediator"].sign_off(case, request)
    opened = open_release(
        town.line("arbitrator"), case, request, town.folder / "out", identity=arbitrator, ticket=ticket
    )
    assert opened.path.read_bytes() == b"settled" * 9000
    assert people["claimant"].audit(case, payloads=True).faults == ()


def test_service_that_calls_something_false_does_not_speak_in_the_clients_voice(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, people = town.accepted()
    wire = town.wires["claimant"]
    blamed = party("respondent").card.fingerprint
    body = encode_json({"code": "envelope_false", "fields": {"author": blamed}})

    def accuse(request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        return answer_of(wire, request, 422, {"Content-Type": "application/problem+json"}, body)

    monkeypatch.setattr(wire, "send", accuse)
    with refuses(RefusedError, "envelope_false", author=blamed):
        people["claimant"].case(case)


def test_memo_opens_to_anybody_once_its_date_has_come(town: Town) -> None:
    case, people = town.accepted()
    later = START.replace(year=2027)
    record = deposit(town, people, case, PathChoice(name="memo", not_before=later), b"memo")
    request = people["claimant"].request(case, record, "memo").statement
    with refuses(RefusedError, "too_early", opens_at="2027-12-01T09:00:00.000Z"):
        people["claimant"].sign_off(case, request)
    assert people["claimant"].inbox().items == ()
    town.office.clock.now = later
    for seat in ("claimant", "respondent"):
        assert [item.kind for item in people[seat].inbox().items] == ["sign-off"]
        people[seat].sign_off(case, request)
    opened = open_release(town.line(None), case, request, town.folder / "memo.txt")
    assert opened.path.read_bytes() == b"memo"


def test_line_that_breaks_after_every_post_changes_nothing(town: Town) -> None:
    """The answer is lost, the statement entered: the same post again finds its first receipt."""
    case, people = town.accepted()
    wire = town.wires["claimant"]
    true_send = wire.send
    lost: list[str] = []

    def lose(request: requests.PreparedRequest, *args: Any, **named: Any) -> requests.Response:
        answer = true_send(request, *args, **named)
        if request.method in ("POST", "PUT") and request.url not in lost:
            lost.append(str(request.url))
            raise requests.ConnectionError
        return answer

    wire.send = lose  # type: ignore[method-assign]
    record = deposit(town, people, case, PathChoice(name="settlement"), b"x" * 1000)
    assert len(lost) == 3
    assert [shown.record for shown in people["mediator"].records(case)] == [record]
    assert people["claimant"].pending_deposits() == ()


def test_clock_that_is_wrong_is_told_the_services_time(town: Town) -> None:
    _, people = town.accepted()
    wrong = Clock(START.replace(year=2025))
    with refuses(UnauthorizedError, "token_stale", server_time="2026-12-01T09:00:00.000Z"):
        town.line("claimant", wrong).cases(after=None)
    assert len(people["claimant"].cases()) == 1


def test_payload_goes_on_where_the_line_broke(town: Town) -> None:
    case, people = town.accepted()
    body = bytes(range(256)) * 4000
    record = deposit(town, people, case, PathChoice(name="exchange"), body)
    ticket = people["respondent"].make_ticket(people["respondent"].introduce(case, record, "exchange"))
    request = people["respondent"].request(case, record, "exchange", [ticket]).statement
    people["claimant"].sign_off(case, request)
    people["respondent"].sign_off(case, request)
    wire = town.wires["respondent"]
    true_send = wire.send
    broken: list[str] = []

    def cut(sent: requests.PreparedRequest, *args: Any, **named: Any) -> requests.Response:
        answer = true_send(sent, *args, **named)
        if str(sent.url).endswith("/payload"):
            broken.append(sent.headers.get("Range", "whole"))
            if len(broken) < 3:
                whole = answer.iter_content

                def some(size: int) -> Iterator[bytes]:
                    yield next(whole(size))
                    raise requests.exceptions.ChunkedEncodingError

                answer.iter_content = some  # type: ignore[assignment, method-assign]
        return answer

    wire.send = cut  # type: ignore[method-assign]
    opened = people["respondent"].open(case, request, town.folder / "opened.bin")
    assert opened.path.read_bytes() == body
    assert broken == ["whole", "bytes=262144-", "bytes=524288-"]
