"""infra/nginx.conf in front of a real service: a whole story through TLS, and what does not get through."""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support.live import Live
from support.refusals import refuses
from support.standing import Standing

from escrow.client import HttpCourier, PathChoice
from escrow.config import MIB, S3Settings
from escrow.errors import TooLargeError, UnavailableError
from escrow.store import names
from escrow.store.interface import UploadPlan
from escrow.store.s3 import S3Store

pytestmark = pytest.mark.timeout(300)
CASE, UPLOAD, OTHER = "a" * 64, "b" * 32, "127.0.0.2"


@contextmanager
def line(standing: Standing, tls: ssl.SSLContext, source: str = "127.0.0.1") -> Iterator[ssl.SSLSocket]:
    """A connection to the proxy, from an address of this machine."""
    port = urlsplit(standing.url).port
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as plain,
        tls.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        yield secured


def head(path: str, method: str = "GET", **more: object) -> bytes:
    fields = {"Host": "localhost"} | {name.replace("_", "-"): value for name, value in more.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def answer(found: ssl.SSLSocket) -> tuple[int, dict[str, str], bytes]:
    """Status, fields and body; status 0 where the peer hung up without a word."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = found.recv(65536)
        if not more:
            return 0, {}, b""
        raw += more
    top, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = top.decode().split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    while len(body) < int(fields.get("content-length", 0)):
        body += found.recv(65536)
    return int(first.split()[1]), fields, body


def ask(standing: Standing, path: str, **more: Any) -> requests.Response:
    return requests.request(
        more.pop("method", "GET"), standing.url + path, verify=str(standing.ca), timeout=30, **more
    )


# Who is believed


def test_certificate_of_an_unknown_authority_is_refused(standing: Standing, monkeypatch: Any) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with refuses(UnavailableError, "service_certificate_refused"):
        HttpCourier(standing.url, pause=lambda _: None).service()


def test_authority_of_ones_own_is_believed_by_program_and_command(
    standing: Standing, live: Live, tmp_path: Path
) -> None:
    assert HttpCourier(standing.url).service().url == standing.url  # `live` has set the variable
    request, out = live.deposit(b"Believed.\n"), tmp_path / "memo"
    words = [
        "--home",
        str(tmp_path),
        "open",
        f"{live.url}/v1/cases/{live.case}/requests/{request}",
        "--anyone",
    ]
    command = [sys.executable, "-m", "escrow.cli", *words, "--out", str(out)]
    for bundle, code in (("/etc/ssl/certs/ca-certificates.crt", 7), (str(standing.ca), 0)):
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "REQUESTS_CA_BUNDLE": bundle}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert ("REQUESTS_CA_BUNDLE" in done.stderr) == (code != 0)
    assert out.read_bytes() == b"Believed.\n"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(standing: Standing, tls: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.minimum_version = tls.maximum_version = version
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)), line(standing, tls):
        pass


def test_plain_http_is_not_spoken(standing: Standing) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(
            standing.url.replace("https:", "http:").replace(str(urlsplit(standing.url).port), "1"), timeout=5
        )
    answered = requests.get(standing.url.replace("https:", "http:"), timeout=5)
    assert answered.status_code == 400
    assert "plain HTTP" in answered.text


# A story


def test_a_record_of_20_mib_is_deposited_released_and_opened_through_tls(live: Live) -> None:
    data = bytes(range(256)) * (20 * MIB // 256)
    assert live.opened(live.deposit(data, path="settlement")) == data


def test_drop_off_of_25_mib_is_sealed_through_tls(standing: Standing, live: Live, tmp_path: Path) -> None:
    """Longer than any other POST may be; `live` has the authority believed."""
    allowing, document = Live(standing.url, tmp_path / "homes", drop_off=True), tmp_path / "offer"
    document.write_bytes(bytes(25 * MIB))
    with pytest.raises(requests.HTTPError, match="413"):
        ask(standing, f"/v1/cases/{CASE}/statements", method="POST", data=bytes(25 * MIB)).raise_for_status()
    memo = [PathChoice(name="memo")]
    allowing.claimant.drop_off(allowing.case, document, memo, title="Offer", label="Memo")
    (record,) = allowing.respondent.records(allowing.case)
    assert record.dropped_off
    allowing.respondent.audit(allowing.case, payloads=True)


def test_what_is_for_everybody_is_published_by_the_timer_and_read_through_tls(
    standing: Standing, live: Live
) -> None:
    request = live.deposit(b"We have settled, through TLS.\n")
    timer = standing.site.start("release")
    try:
        where = f"{standing.s3_url}/escrow-public/" + names.released(
            live.case, request, names.Released.DOCUMENT
        )
        end = time.monotonic() + 60
        while (found := requests.get(where, verify=str(standing.ca), timeout=10)).status_code != 200:
            assert time.monotonic() < end, standing.site.log("release")
            time.sleep(0.2)
        assert found.content == b"We have settled, through TLS.\n"
    finally:
        from support import compose

        assert compose.stop(timer) == 0
    listed = requests.get(f"{standing.s3_url}/escrow-public/releases/", verify=str(standing.ca), timeout=10)
    assert listed.status_code in (403, 404)


# MinIO's door


@pytest.fixture
def part(standing: Standing) -> Iterator[tuple[str, bytes]]:
    """The address of one part that a party may send to MinIO itself, and its bytes."""
    settings = S3Settings(
        endpoint=standing.minio,
        public_endpoint=standing.s3_url,
        credentials=standing.data / "credentials/service.json",
    )
    store, data = S3Store(settings), b"x" * (6 * MIB)
    name = names.payload(CASE, UPLOAD)
    store.begin_upload(name, UploadPlan(length=len(data), part_size=len(data), owner="c" * 64))
    addresses = store.part_addresses(name, [1], valid_s=60)
    assert addresses is not None
    yield addresses[0], data
    store.close()


def test_part_goes_straight_to_storage_by_a_signed_address_and_nothing_else_does(
    standing: Standing, part: tuple[str, bytes]
) -> None:
    address, data = part
    assert address.startswith(f"{standing.s3_url}/escrow-records/payloads/")
    ca = {"verify": str(standing.ca), "timeout": 30}
    bare = address.partition("?")[0]
    upload = next(one for one in address.split("&") if "uploadId=" in one).rpartition("?")[2]
    for refused in (
        requests.get(address, **ca),
        requests.delete(address, **ca),
        requests.post(address, **ca),
        requests.put(bare, data=b"x", **ca),
        requests.put(f"{bare}?{upload}&partNumber=1", data=b"x", **ca),
        requests.put(f"{bare}?X-Amz-Signature=0", data=b"x", **ca),
        requests.get(f"{standing.s3_url}/", **ca),
        requests.get(f"{standing.s3_url}/escrow-ledger/service", **ca),
        requests.get(f"{standing.s3_url}/escrow-records?list-type=2", **ca),
        requests.get(f"{standing.s3_url}/minio/health/ready", **ca),
        requests.get(f"{standing.s3_url}/minio/admin/v3/info", **ca),
    ):
        assert refused.status_code in (403, 404), refused.url
    assert requests.put(address, data=data, **ca).status_code == 200
    broken = address.replace("X-Amz-Signature=", "X-Amz-Signature=0")
    assert requests.put(broken, data=data, **ca).status_code in (403, 502)  # its words may get lost under way

    signed = {"X-Amz-Copy-Source": "/escrow-ledger/service", "X-Amz-Copy-Source-Range": "bytes=0-0"}
    copied = requests.put(address, data=data, headers=signed, **ca)
    assert "CopyPartResult" not in copied.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("?", "?retention&"),
        ("?", "?tagging&"),
        ("&X-Amz-Signature", "&legal-hold&X-Amz-Signature"),
        ("&partNumber=1", ""),
        ("%3Bhost", "%3Bhost%3Bx-amz-copy-source"),
    ],
)
def test_door_lets_nothing_through_but_parts_whoever_signed_it(
    standing: Standing, part: tuple[str, bytes], old: str, new: str
) -> None:
    """A thief with the service's credential signs what it likes; MinIO does not get to see it."""
    address, _ = part
    assert old in address
    found = requests.put(address.replace(old, new, 1), data=b"x", verify=str(standing.ca), timeout=30)
    assert (found.status_code, "nginx" in found.text) == (403, True)


# Slow and oversized peers


def test_head_that_drips_is_cut_off_and_the_service_never_hears_of_it(
    standing: Standing, tls: ssl.SSLContext
) -> None:
    with line(standing, tls) as found:
        found.sendall(b"GET /v1/service HTTP/1.1\r\n")
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 20:
                found.sendall(b"X")
                time.sleep(0.5)
        except OSError:
            pass
        assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    "raw",
    [
        head("/v1/service", X_Long="x" * 9000),
        head("/v1/" + "x" * 9000),
        head("/v1/service", **{f"X-{n}": "x" * 4000 for n in range(12)}),
    ],
)
def test_head_that_is_too_large_is_refused_by_the_proxy(
    standing: Standing, tls: ssl.SSLContext, raw: bytes
) -> None:
    before = standing.site.log("service").count('"event": "request"')
    with line(standing, tls) as found:
        found.sendall(raw)
        assert answer(found)[0] in (400, 414)
    assert standing.site.log("service").count('"event": "request"') == before


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/v1/cases", 24 * MIB), (f"/v1/cases/{CASE}/uploads/{UPLOAD}/parts/1", 64 * MIB)],
)
def test_body_that_is_too_large_is_refused_unread_in_words_that_the_client_knows(
    standing: Standing, tls: ssl.SSLContext, path: str, limit: int
) -> None:
    with line(standing, tls) as found:
        found.sendall(head(path, "PUT", Content_Length=limit + 1, Expect="100-continue"))
        status, fields, body = answer(found)
    assert (status, fields["content-type"]) == (413, "application/problem+json")
    assert json.loads(body)["code"] == "body_too_large"


def test_client_reads_the_proxys_refusals_as_the_services(live: Live) -> None:
    courier = HttpCourier(live.url, pause=lambda _: None)
    with refuses(TooLargeError, "body_too_large"):
        courier._json(dict, "POST", "/v1/cases", body=b" " * (25 * MIB))


def test_one_address_cannot_take_all_connections_nor_a_thread_with_bodies_that_stall(
    standing: Standing, tls: ssl.SSLContext
) -> None:
    """32 parts that never end wait in the proxy; the next is told; others are served by all threads."""
    with ExitStack() as stack:
        stalled = head(
            f"/v1/cases/{CASE}/uploads/{UPLOAD}/parts/1",
            "PUT",
            Content_Length=1000,
            Content_Type="application/octet-stream",
        )
        for _ in range(32):
            stack.enter_context(line(standing, tls, OTHER)).sendall(stalled + b"x")
        status, end = 200, time.monotonic() + 20
        while status != 503:  # once all of them have been read as far as they come
            assert time.monotonic() < end
            with line(standing, tls, OTHER) as found:
                found.sendall(head("/v1/service"))
                status, fields, body = answer(found)
        assert (fields["retry-after"], json.loads(body)["code"]) == ("5", "service_busy")
        for _ in range(40):
            assert ask(standing, "/v1/service").status_code == 200
    assert "service_busy" not in standing.site.log("service")


def test_stream_of_a_whole_payload_has_a_few_places_for_each_address(
    standing: Standing, tls: ssl.SSLContext
) -> None:
    with ExitStack() as stack:
        stalled = head(f"/v1/cases/{CASE}/uploads/{UPLOAD}/payload", "PUT", Content_Length=100_000)
        for _ in range(4):
            stack.enter_context(line(standing, tls, "127.0.0.3")).sendall(stalled + b"x")
        with line(standing, tls, "127.0.0.3") as found:
            found.sendall(stalled)
            assert answer(found)[0] in (404, 503)
        assert ask(standing, "/v1/service").status_code == 200


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_what_is_for_the_operator_is_not_shown_outside(standing: Standing, path: str) -> None:
    assert ask(standing, path).status_code == 404


def test_proxy_keeps_no_path_no_address_and_no_token(standing: Standing, tls: ssl.SSLContext) -> None:
    """Whatever the other tests of this file did."""
    ask(standing, f"/v1/cases/{CASE}", headers={"Authorization": "Bearer secret"})
    with line(standing, tls) as found:
        found.sendall(head(f"/v1/cases/{CASE}", X_Long="x" * 9000))
        answer(found)
    log = standing.site.log("proxy")
    for word in (CASE, "secret", "127.0.0.1", "/v1/"):
        assert word not in log
