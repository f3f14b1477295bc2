"""Parts sent to addresses that a service named: which are spoken to, and what goes with them."""

from typing import Any

import pytest
import requests
from client.test_client_http import URL, Wire, courier, problem, said
from support.build import party
from support.refusals import refuses

from escrow.client import HttpCourier
from escrow.errors import EscrowError, MalformedError, RefusedError, UnavailableError

CASE, UPLOAD = "0" * 64, "0" * 32
ADDRESS = "https://s3.example/records/payloads/x?partNumber=1&X-Amz-Signature=abc"
DATA = b"ciphertext" * 100_000
TAKEN = (200, {"Content-Length": "0", "ETag": '"x"'}, b"")


def page(*urls: str, valid_s: int = 900) -> Any:
    addresses = [{"number": number, "url": url} for number, url in enumerate(urls, start=1)]
    return said({"addresses": addresses, "valid_s": valid_s, "next": None})


def body_of(request: requests.PreparedRequest) -> bytes:
    assert request.body is not None
    return b"".join(request.body)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.example/x",
        "http://10.0.0.1:9000/x",
        "http://127.0.0.1:9000/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "http://[::1]:9000/x",
        "http://localhost.evil.example/x",
        "ftp://s3.example/x",
        "file:///etc/passwd",
        "//s3.example/x",
        "/x",
        "",
        "https://",
        "https://me:pw@s3.example/x",
        "https://s3.example/x#f",
        "https://s3.example/x y",
        "https://s3.example/\r\nHost: other",
        "https://[",
        "https://s3.example:99999/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://017700000001/x",
        "https://0/x",
        "https://0.0.0.0/x",
        "https://[::]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://localhost./x",
        "https://LOCALHOST/x",
        "https://a.localhost/x",
        "https://127.0.0.1./x",
        "https://127.0.0.1\\.s3.example/x",
        "https://\u2460\u2461\u2466.0.0.1/x",
    ],
)
def test_address_that_is_not_safe_is_refused_whatever_else_the_page_holds(url: str) -> None:
    line, wire, _ = courier(page(ADDRESS, url))
    with refuses(MalformedError, "address_unsafe", field="answer.addresses"):
        line.addresses(CASE, UPLOAD, after=0)
    with refuses(MalformedError, "address_unsafe"):
        line.put_to_address(url, DATA)
    assert len(wire.requests) == 1


def test_address_on_this_machine_is_taken_from_a_service_on_this_machine() -> None:
    here = "http://127.0.0.1:9000/x?y=z"
    wire = Wire(page(here))
    line = HttpCourier("http://localhost:8000", party("claimant"), transport=wire)
    assert line.addresses(CASE, UPLOAD, after=0).urls == {1: here}


@pytest.mark.parametrize(
    "answer",
    [
        said({"addresses": [{"number": 0, "url": ADDRESS}], "valid_s": 900}),
        said({"addresses": [{"number": 1, "url": 7}], "valid_s": 900}),
        said({"addresses": [{"number": 1, "url": "https://x/" + "y" * 5000}], "valid_s": 900}),
        said({"addresses": {}, "valid_s": 900}),
        said({"addresses": [], "valid_s": 0}),
        said({"addresses": [], "valid_s": 10**9}),
    ],
)
def test_page_of_addresses_of_no_known_shape_is_malformed(answer: Any) -> None:
    with refuses(MalformedError, "answer_malformed"):
        courier(answer)[0].addresses(CASE, UPLOAD, after=0)


def test_part_goes_to_its_address_with_nothing_of_ours(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine s3.example login me password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    cookie = {"Set-Cookie": "a=b; Path=/", **TAKEN[1]}
    line, wire, _ = courier(page(ADDRESS), (200, cookie, b""), TAKEN, who="claimant")
    line.addresses(CASE, UPLOAD, after=0)
    assert "Authorization" in wire.requests[0].headers
    for _ in range(2):
        line.put_to_address(ADDRESS, DATA)
    for sent in wire.requests[1:]:
        assert (sent.method, sent.url, body_of(sent)) == ("PUT", ADDRESS, DATA)
        assert dict(sent.headers) == {
            "Accept-Encoding": "identity", "User-Agent": "escrow", "Content-Length": str(len(DATA)),
        }  # fmt: skip


def test_redirect_from_an_address_is_not_followed() -> None:
    line, wire, waits = courier((307, {"Location": "https://elsewhere.example/"}, b""))
    with refuses(UnavailableError, "address_refused", status=307):
        line.put_to_address(ADDRESS, DATA)
    assert (len(wire.requests), waits) == (1, [])


@pytest.mark.parametrize("status", [201, 204, 400, 403, 404, 411])
def test_address_that_does_not_take_the_part_is_not_asked_again(status: int) -> None:
    line, wire, _ = courier((status, {}, b"<Error/>"))
    with refuses(UnavailableError, "address_refused", status=status):
        line.put_to_address(ADDRESS, DATA)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("trouble", [requests.ConnectionError(), requests.ReadTimeout(), (503, {}, b"")])
def test_storage_that_fails_for_a_moment_gets_the_whole_part_again(trouble: Any) -> None:
    line, wire, waits = courier(trouble, trouble, TAKEN)
    line.put_to_address(ADDRESS, DATA)
    assert [body_of(sent) for sent in wire.requests] == [DATA] * 3
    assert len(waits) == 2


def test_storage_that_is_down_is_given_up() -> None:
    line, wire, _ = courier(requests.ConnectionError())
    with refuses(UnavailableError, "storage_unreachable"):
        line.put_to_address(ADDRESS, DATA)
    assert len(wire.requests) == 5


# The whole payload in one body


def put(line: HttpCourier) -> None:
    from escrow.model.record import Payload

    payload = Payload(sha256="ab" * 32, length=len(DATA), upload=UPLOAD)
    line.put_payload(CASE, UPLOAD, lambda: iter([DATA[:7], DATA[7:]]), payload=payload)


def test_one_body_says_its_length_and_the_digest_that_was_signed() -> None:
    line, wire, _ = courier(said({"length": len(DATA), "sha256": "ab" * 32}))
    put(line)
    (sent,) = wire.requests
    assert (sent.url, body_of(sent)) == (f"{URL}/v1/cases/{CASE}/uploads/{UPLOAD}/payload", DATA)
    assert sent.headers["Content-Length"] == str(len(DATA))
    assert sent.headers["Content-Digest"] == "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:"
    assert "Transfer-Encoding" not in sent.headers


@pytest.mark.parametrize(
    "found", [{"length": 1, "sha256": "ab" * 32}, {"length": len(DATA), "sha256": "cd" * 32}]
)
def test_service_that_says_it_stored_something_else_is_not_believed(found: Any) -> None:
    with refuses(MalformedError, "answer_malformed", field="answer.sha256"):
        put(courier(said(found))[0])


@pytest.mark.parametrize(
    ("trouble", "kind", "code"),
    [
        (requests.ConnectionError(), UnavailableError, "service_unreachable"),
        (problem(503, "payload_damaged"), UnavailableError, "payload_damaged"),
        (problem(409, "upload_completed"), RefusedError, "upload_completed"),
    ],
)
def test_one_body_that_fails_is_not_sent_again_by_the_line_itself(
    trouble: Any, kind: type[EscrowError], code: str
) -> None:
    line, wire, _ = courier(trouble)
    with refuses(kind, code):
        put(line)
    assert len(wire.requests) == 1


def test_one_body_that_a_busy_service_did_not_take_is_sent_later() -> None:
    line, wire, waits = courier(
        problem(503, "service_busy"), said({"length": len(DATA), "sha256": "ab" * 32})
    )
    put(line)
    assert (len(wire.requests), len(waits)) == (2, 1)


def test_service_of_an_earlier_version_takes_parts_only() -> None:
    answer = {"time": "2026-12-01T09:00:00.000Z", "version": "1", "url": URL}
    card = str(party("claimant").card)
    assert courier(said(answer | {"card": card}))[0].service().uploads == ("parts",)
    ways = ["parts", "pigeon"]
    assert courier(said(answer | {"card": card, "uploads": ways}))[0].service().uploads == tuple(ways)
