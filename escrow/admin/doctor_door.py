"""The doctor's questions to the door: does this service answer at its public URL, and what stands in front?

Asked from this machine, over the network, as any party would: what is open to this machine alone it cannot
tell. Nothing is posted; where a proxy's limits are asked for, a head is sent and its body is not.
"""

import http.client
import json
import secrets
import socket
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from select import select
from typing import Final
from urllib.parse import urlsplit

import escrow
from escrow.admin.finding import Finding, fault, note, ok, warning
from escrow.admin.tls import PATIENCE_S, context, look_at_certificate, place_of
from escrow.api.blueprint import body_limit
from escrow.client.address import require_safe_url
from escrow.client.http import HttpCourier
from escrow.config import S3Settings, Settings
from escrow.crypto.card import Card
from escrow.errors import EscrowError, SetupError, UnavailableError

EARLY_S: Final = 1.0
"""A proxy that will not take a length says so as soon as it has read the head."""
_MOST: Final = 64 * 1024
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "::1", "::": "::1"}  # noqa: S104  # where to knock for it


def look_at_door(settings: Settings, card: Card | None, ca_bundle: str | None) -> Iterator[Finding]:
    """`ca_bundle`: what REQUESTS_CA_BUNDLE names, as for parties of an authority of one's own."""
    running = yield from _look_at_process(settings)
    yield from _look_at_url(settings, card, ca_bundle, running=running)
    store = settings.store
    if isinstance(store, S3Settings) and store.public_endpoint is not None:
        yield from _look_at_endpoint(store.public_endpoint, ca_bundle)


def _look_at_process(settings: Settings) -> Generator[Finding, None, bool]:
    """Whether it listens on this machine now. Returns that."""
    host, _, port = settings.bind.rpartition(":")
    if port == "0":
        yield note("service", SetupError("doctor_port_chosen_later", address=settings.bind))
        return False
    door = Door(f"http://{_ANYWHERE.get(host, host.strip('[]'))}:{port}", None)
    try:
        answer = door.get("/readyz")
    except OSError:
        yield note("service", SetupError("doctor_not_running", address=settings.bind))
        return False
    if answer.status == 200:
        yield ok("service", f"it runs on {settings.bind}, and is ready")
    elif answer.status == 503 and answer.code:
        yield warning("service", SetupError("doctor_not_ready", address=settings.bind, reason=answer.code))
    else:
        yield fault("service", SetupError("doctor_other_program", address=settings.bind))
        return False
    return True


def _look_at_url(
    settings: Settings, card: Card | None, ca_bundle: str | None, *, running: bool
) -> Iterator[Finding]:
    url = settings.public_url
    try:
        require_safe_url(url)
    except EscrowError as error:
        yield fault("address", error)
        return
    try:
        with socket.create_connection(place_of(url), timeout=PATIENCE_S):
            pass
    except socket.gaierror:
        yield fault("address", SetupError("doctor_name_unknown", url=url, host=place_of(url)[0]))
        return
    except OSError:
        say = fault if running else warning
        yield say("address", SetupError("doctor_url_unreachable", url=url))
        return
    if url.startswith("https:"):
        findings = list(look_at_certificate("tls", url, ca_bundle))
        yield from findings
        if any(one.state == "fault" for one in findings):
            return  # no party's program would go on either
    elif settings.bind.partition(":")[0] in _ANYWHERE:
        yield warning("tls", SetupError("doctor_plain_http_everywhere", address=settings.bind))
    yield from _look_at_answer(settings, card, Door(url, ca_bundle), running=running)


def _look_at_answer(
    settings: Settings, card: Card | None, door: "Door", *, running: bool
) -> Iterator[Finding]:
    url = settings.public_url
    try:
        found = HttpCourier(url, pause=lambda _: None).service()
    except UnavailableError:
        say = fault if running else warning
        yield say("address", SetupError("doctor_url_unreachable", url=url))
        return
    except EscrowError:
        yield fault("address", SetupError("doctor_url_of_another_program", url=url))
        return
    if card is not None and found.card != card:
        error = SetupError("doctor_other_service", url=url, found=found.card.groups, expected=card.groups)
        yield fault("address", error)
        return
    if found.url != url:
        yield fault("address", SetupError("doctor_other_url", url=url, found=found.url))
    yield ok("address", f"this service's card answers at {url}")
    if found.version != escrow.__version__:
        versions = {"found": found.version, "expected": escrow.__version__}
        yield warning("versions", SetupError("doctor_other_version", url=url, **versions))
    if place_of(url)[1] != int(settings.bind.rpartition(":")[2]):
        with suppress(OSError):
            yield from _look_at_proxy(settings, door)


def _look_at_proxy(settings: Settings, door: "Door") -> Iterator[Finding]:
    """What stands between the world and `bind`. OSError where it hangs up."""
    before = []
    if door.get("/v1/cases", {"Authorization": "Bearer x"}).code == "token_missing":
        before.append(fault("proxy", SetupError("doctor_token_lost")))
    if door.get("/readyz").status in (200, 503):
        before.append(warning("proxy", SetupError("doctor_readyz_public")))
    if "escrow_" in door.get("/metrics").text:
        before.append(fault("proxy", SetupError("doctor_metrics_public")))
    if door.url.startswith("https:") and not door.get("/v1/service").hsts:
        before.append(warning("proxy", SetupError("doctor_hsts_missing")))
    place = f"/v1/cases/{secrets.token_hex(32)}"
    upload = f"{place}/uploads/{secrets.token_hex(16)}"
    for what, setting, length, method, path in (
        ("statements", "statement_bytes", body_limit(settings), "POST", f"{place}/statements"),
        ("parts", "part_bytes", settings.part_bytes, "PUT", f"{upload}/parts/1"),
        ("payloads", "upload_bytes", settings.upload_bytes, "PUT", f"{upload}/payload"),
    ):
        if door.refuses_length(method, path, length):
            facts: dict[str, str | int] = {"what": what, "setting": setting, "length": length}
            before.append(fault("proxy", SetupError("doctor_proxy_limit", **facts)))
    yield from before
    if not before:
        yield ok(
            "proxy", "it passes tokens and bodies of every allowed length, and hides what is the operator's"
        )
    yield note("proxy", SetupError("doctor_proxy_rest"))


def _look_at_endpoint(url: str, ca_bundle: str | None) -> Iterator[Finding]:
    """Where parties send parts to the storage themselves. Any answer will do: we sign no request."""
    findings = list(look_at_certificate("tls", url, ca_bundle)) if url.startswith("https:") else []
    yield from findings
    if any(one.state == "fault" for one in findings):
        return
    try:
        Door(url, ca_bundle).get("/")
    except OSError:
        yield fault("address", SetupError("doctor_endpoint_unreachable", url=url))
    else:
        yield ok("address", f"a server answers at {url} (s3_public_endpoint)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`code`: of a problem of ours, else empty. `hsts`: whether browsers are told to insist on TLS."""

    status: int
    code: str
    text: str
    hsts: bool


class Door:
    """Requests to one URL, a connection each; nothing is followed. OSError where nothing comes back."""

    def __init__(self, url: str, ca_bundle: str | None) -> None:
        self.url = url
        self._ca_bundle = ca_bundle
        self._base = urlsplit(url).path

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        with closing(self._line()) as line:
            try:
                line.request("GET", self._base + path, headers=headers or {})
                found = line.getresponse()
                raw = found.read(_MOST)
            except http.client.HTTPException as error:
                raise OSError("not HTTP") from error
            text = raw.decode("utf-8", "replace")
            hsts = found.getheader("Strict-Transport-Security") is not None
            return Answer(status=found.status, code=_code(text), text=text, hsts=hsts)

    def refuses_length(self, method: str, path: str, length: int) -> bool:
        """Whether a body of so many bytes is refused by its length alone (413)."""
        with closing(self._line()) as line:
            line.putrequest(method, self._base + path)
            line.putheader(
                "Content-Type", "application/json" if method == "POST" else "application/octet-stream"
            )
            line.putheader("Content-Length", str(length))
            line.endheaders()
            if not select([line.sock], [], [], EARLY_S)[0]:
                return False
            try:
                return line.getresponse().status == 413
            except http.client.HTTPException:
                return False

    def _line(self) -> http.client.HTTPConnection:
        host, port = place_of(self.url)
        if self.url.startswith("https:"):
            trust = context(self._ca_bundle)
            return http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=trust)
        return http.client.HTTPConnection(host, port, timeout=PATIENCE_S)


def _code(text: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    code = found.get("code") if isinstance(found, dict) else None
    return code[:64] if isinstance(code, str) and code.isidentifier() else ""
