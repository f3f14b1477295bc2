"""The courier over HTTP: requests, one keep-alive connection, nothing followed, nothing believed.

Every call here may be made twice: reads change nothing, an upload's parts are named by their numbers, and a
statement enters a case once. So all of them are tried again, a few times, when the line or the service fails.
Redirects are not followed, cookies and .netrc not used, answers read up to a limit.
"""

import os
import random
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TypeVar

import requests
from requests.adapters import BaseAdapter

from escrow.client import answers
from escrow.client.address import require_safe_part_address, require_safe_url
from escrow.client.clock import now_utc
from escrow.client.courier import (
    Addresses,
    CasesPage,
    ChangesPage,
    EntriesPage,
    Hook,
    Part,
    PayloadStream,
    ServiceInfo,
    UntrustedReceipt,
    UntrustedReference,
    UntrustedRequest,
    Upload,
)
from escrow.client.line import CHUNK, CONNECT_S, READ_S, TOO_SLOW, LineAdapter
from escrow.client.posting import Posting
from escrow.client.storage_line import HEADERS, Pieces, StorageLine, cut
from escrow.crypto.identity import Identity
from escrow.errors import (
    ConflictError,
    EscrowError,
    MalformedError,
    SetupError,
    TooLargeError,
    UnavailableError,
)
from escrow.ledger import token
from escrow.ledger.bundle import MAX_BUNDLE
from escrow.ledger.entry import MAX_ENTRY
from escrow.model.ids import CaseId, Hash, RecordId, UploadId
from escrow.model.record import MAX_PAYLOAD, Payload
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.model.wire import Fields, decode_json, encode_json

T = TypeVar("T")

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
LONGEST_ASKED_S = 30
"""A service may ask for patience (Retry-After, RFC 9110 section 10.2.3); this much is given at a time."""
TOKEN_KEPT = timedelta(seconds=120)
"""A token is good for four minutes; one is used for two, so that it does not grow stale under way."""
ENTRIES_A_PAGE = 200
CHANGES_A_PAGE = 200
MAX_ANSWER = 1024 * 1024
MAX_ENTRIES_ANSWER = 32 * 1024 * 1024
"""Bytes of one page; the largest entry, a deposit with hundreds of seats, has 9 MiB."""
NO_TLS = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE")
"""What OpenSSL says, older and newer, where an answer is no TLS at all."""
NOTHING_TAKEN = frozenset({"service_busy", "too_many_requests"})
"""Codes by which a service says that it has not begun to read what was sent."""
OCTETS = "application/octet-stream"


class HttpCourier:
    """`HttpCourier(url, identity=None)`: see escrow/client/courier.py for what each call does.

    Plain http is refused except on loopback (SetupError `plain_http_refused`). `identity` signs reading
    tokens; without it only what is public can be read. `transport` replaces the network, `pause` the waiting
    between tries.
    """

    def __init__(
        self,
        url: str,
        identity: Identity | None = None,
        *,
        clock: Callable[[], datetime] = now_utc,
        transport: BaseAdapter | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = require_safe_url(url)
        self._identity = identity
        self._clock = clock
        self._pause = pause
        self._token: tuple[str, datetime] | None = None
        self._http = requests.Session()
        self._http.auth = self._authorize  # set, so that no .netrc speaks for us
        self._http.headers.update(HEADERS)
        self._http.mount(self.url, transport or LineAdapter())
        self._storage = StorageLine(self.url, transport)

    def close(self) -> None:
        """Let go of the connections. A later call opens new ones."""
        self._http.close()
        self._storage.close()

    # Routes

    def service(self) -> ServiceInfo:
        return self._json(answers.read_service, "GET", "/v1/service")

    def post(self, posting: Posting) -> UntrustedReceipt:
        def attempt() -> UntrustedReceipt:
            with self._once("POST", posting.target, body=posting.dump()) as response:
                entry = _shaped(answers.read_receipt, _read(response, 2 * MAX_ENTRY))
                return UntrustedReceipt(entry=entry, created=response.status_code == 201)

        return self._patiently(attempt)

    def cases(self, *, after: str | None) -> CasesPage:
        query = {} if after is None else {"after": after}
        cases, following = self._json(answers.read_cases, "GET", "/v1/cases", query=query)
        return CasesPage(cases=cases, next=following)

    def changes(self, *, after: str | None) -> ChangesPage:
        query = {"limit": str(CHANGES_A_PAGE)} | ({} if after is None else {"after": after})
        return self._json(answers.read_changes, "GET", "/v1/changes", query=query)

    def reference(self, reference: Hash) -> UntrustedReference:
        return self._json(answers.read_reference, "GET", f"/v1/references/{reference}")

    def give_reference(self, reference: Hash, case: CaseId, proof: Hash) -> None:
        body = encode_json({"case": case, "proof": proof})
        self._json(answers.read_reference, "PUT", f"/v1/references/{reference}", body=body)

    def add_hook(self, hook: str, url: str) -> Hook:
        return self._json(answers.read_hook, "PUT", f"/v1/hooks/{hook}", body=encode_json({"url": url}))

    def hooks(self) -> tuple[Hook, ...]:
        return self._json(answers.read_hooks, "GET", "/v1/hooks")

    def remove_hook(self, hook: str) -> Hook:
        return self._json(answers.read_hook, "DELETE", f"/v1/hooks/{hook}")

    def entries(self, case: CaseId, *, after: int) -> EntriesPage:
        """Fewer at a time where large deposits make a page too long."""
        path, limit = f"/v1/cases/{case}/entries", ENTRIES_A_PAGE
        while True:
            query = {"after": str(after), "limit": str(limit)}
            try:
                entries, more = self._json(
                    answers.read_entries, "GET", path, query=query, limit=MAX_ENTRIES_ANSWER
                )
            except TooLargeError as error:
                if error.code != "answer_too_large" or limit == 1:
                    raise
                limit = max(1, limit // 16)
            else:
                return EntriesPage(entries=entries, more=more)

    def begin_upload(self, case: CaseId, upload: UploadId, *, length: int, part_size: int) -> Upload:
        plan = encode_json({"length": length, "part_size": part_size})
        path = f"/v1/cases/{case}/uploads/{upload}"
        return self._json(lambda fields: answers.read_upload(fields, upload), "PUT", path, body=plan)

    def put_part(self, case: CaseId, upload: UploadId, number: int, data: bytes) -> Part:
        path = f"/v1/cases/{case}/uploads/{upload}/parts/{number}"
        body = Pieces(lambda: cut(data), len(data))
        return self._json(answers.read_part, "PUT", path, body=body, kind=OCTETS)

    def put_payload(
        self, case: CaseId, upload: UploadId, pieces: Callable[[], Iterator[bytes]], *, payload: Payload
    ) -> None:
        """Tried again only where the service refused at once, and so has taken nothing."""
        path = f"/v1/cases/{case}/uploads/{upload}/payload"
        digest = b64encode(bytes.fromhex(payload.sha256)).decode("ascii")
        headers = {"Content-Digest": f"sha-256=:{digest}:"}

        def attempt() -> None:
            body = Pieces(pieces, payload.length)
            with self._once("PUT", path, body=body, kind=OCTETS, headers=headers) as response:
                found = _shaped(answers.read_payload, _read(response, MAX_ANSWER))
            if found != (payload.length, payload.sha256):
                raise answers.malformed("answer.sha256")

        self._patiently(attempt, lambda error: error.code in NOTHING_TAKEN)

    def drop_off(
        self, case: CaseId, order: bytes, pieces: Callable[[], Iterator[bytes]], *, length: int
    ) -> UntrustedReceipt:
        boundary = secrets.token_hex(16)
        head, tail = _form(boundary, order)
        kind = f"multipart/form-data; boundary={boundary}"

        def attempt() -> UntrustedReceipt:
            body = Pieces(lambda: chain((head,), pieces(), (tail,)), len(head) + length + len(tail))
            path = f"/v1/cases/{case}/drop-offs"
            with self._once("POST", path, body=body, kind=kind) as response:
                entry = _shaped(answers.read_receipt, _read(response, 2 * MAX_ENTRY))
                return UntrustedReceipt(entry=entry, created=response.status_code == 201)

        return self._patiently(attempt)

    def addresses(self, case: CaseId, upload: UploadId, *, after: int) -> Addresses:
        path = f"/v1/cases/{case}/uploads/{upload}/addresses"
        found = self._json(answers.read_addresses, "GET", path, query={"after": str(after)})
        for url in found.urls.values():
            require_safe_part_address(url, self.url)
        return found

    def put_to_address(self, url: str, data: bytes) -> None:
        """Nothing of ours goes with it but the bytes; nothing that comes back is believed or followed."""
        require_safe_part_address(url, self.url)
        self._patiently(
            lambda: self._storage.put(url, data), lambda error: error.code == "storage_unreachable"
        )

    @contextmanager
    def payload(self, case: CaseId, record: RecordId, *, start: int) -> Iterator[PayloadStream]:
        path = f"/v1/cases/{case}/records/{record}/payload"
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._patiently(lambda: self._once("GET", path, headers=headers)) as response:
            if response.status_code != (206 if start else 200):
                raise answers.malformed("status", status=response.status_code)
            yield PayloadStream(total=_total(response, start), chunks=_chunks(response))

    def request(self, case: CaseId, request: Hash) -> UntrustedRequest:
        return self._json(answers.read_request, "GET", f"/v1/cases/{case}/requests/{request}")

    def bundle(self, case: CaseId, request: Hash) -> bytes:
        return self._bytes(f"/v1/cases/{case}/requests/{request}/bundle", MAX_BUNDLE)

    def share(self, case: CaseId, shares: Hash) -> bytes:
        return self._bytes(f"/v1/cases/{case}/shares/{shares}", MAX_SHARE_OBJECT)

    # Exchanges

    def _json(
        self,
        shape: Callable[[Fields], T],
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | Pieces | None = None,
        kind: str = "application/json",
        limit: int = MAX_ANSWER,
    ) -> T:
        def attempt() -> T:
            with self._once(method, path, query=query, body=body, kind=kind) as response:
                return _shaped(shape, _read(response, limit))

        return self._patiently(attempt)

    def _bytes(self, path: str, limit: int) -> bytes:
        def attempt() -> bytes:
            with self._once("GET", path) as response:
                return _read(response, limit)

        return self._patiently(attempt)

    def _patiently(
        self, attempt: Callable[[], T], passes: Callable[[EscrowError], bool] = lambda _: True
    ) -> T:
        """Try, and after a failure that time may mend, a few times more. `passes`: which of those do."""
        wait = FIRST_WAIT_S
        for _ in range(ATTEMPTS - 1):
            try:
                return attempt()
            except (UnavailableError, ConflictError) as error:
                if error.code == TOO_SLOW or not passes(error):
                    raise
                spread = wait * (0.5 + random.random() / 2)  # noqa: S311  # spreads callers; no secret
                self._pause(max(spread, _asked(error)))
                wait = min(2 * wait, LONGEST_WAIT_S)
        return attempt()

    def _once(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | Pieces | None = None,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One exchange. What comes back has a status below 300, its body not yet read."""
        with _renamed():
            response = self._http.request(
                method,
                self.url + path,
                params=dict(query or {}),
                data=body,
                headers={**({} if body is None else {"Content-Type": kind}), **(headers or {})},
                timeout=(CONNECT_S if body is None else READ_S, READ_S),  # the first is for sending too
                allow_redirects=False,
                stream=True,
            )
        self._http.cookies.clear()
        if response.status_code < 300:
            return response
        with response:
            raw = _read(response, answers.MAX_PROBLEM)
            content_type = response.headers.get("Content-Type", "")
            raise answers.problem(
                response.status_code,
                content_type,
                raw,
                response.headers.get("X-Request-Id", ""),
                response.headers.get("Retry-After", ""),
            )

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._identity is not None:
            request.headers["Authorization"] = f"Bearer {self._fresh_token(self._identity)}"
        return request

    def _fresh_token(self, identity: Identity) -> str:
        now = self._clock()
        if self._token is None or not timedelta(0) <= now - self._token[1] < TOKEN_KEPT:
            self._token = token.make(identity, self.url, now), now
        return self._token[0]


def _form(boundary: str, order: bytes) -> tuple[bytes, bytes]:
    """What stands before and behind the document in a form (RFC 7578)."""
    part = '--{}\r\nContent-Disposition: form-data; name="{}"; filename="{}"\r\n\r\n'
    first, second = part.format(boundary, "order", "order"), part.format(boundary, "document", "document")
    return first.encode() + order + b"\r\n" + second.encode(), f"\r\n--{boundary}--\r\n".encode()


def _asked(error: EscrowError) -> int:
    """The patience that the service asked for, in seconds, as far as it is given."""
    seconds = error.fields.get("retry_after")
    return min(seconds, LONGEST_ASKED_S) if isinstance(seconds, int) else 0


def _shaped(read: Callable[[Fields], T], raw: bytes) -> T:
    """JSON of this shape. Anything else is the service's fault, not that of the reader's input."""
    try:
        return read(Fields(decode_json(raw, limit=len(raw), field="answer"), at="answer"))
    except MalformedError as error:
        raise answers.malformed(str(error.fields.get("field", "answer"))) from error


def _read(response: requests.Response, limit: int) -> bytes:
    """The whole body, at most `limit` bytes. TooLargeError `answer_too_large`."""
    found = bytearray()
    for chunk in _chunks(response):
        found += chunk
        if len(found) > limit:
            raise TooLargeError("answer_too_large", field="answer", limit=limit)
    return bytes(found)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body; a line that breaks midway is UnavailableError `service_unreachable`."""
    with _renamed():
        yield from response.iter_content(CHUNK)


def _total(response: requests.Response, start: int) -> int:
    """Length of the whole payload, by Content-Length or Content-Range and nothing else."""
    if "Transfer-Encoding" in response.headers:  # it goes before Content-Length (RFC 9112 section 6.3)
        raise answers.malformed("Transfer-Encoding")
    if start:
        unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
        bounds, _, total = rest.partition("/")
        if unit != "bytes" or not bounds.startswith(f"{start}-"):
            raise answers.malformed("Content-Range")
    else:
        total = response.headers.get("Content-Length", "")
    if not total.isdecimal() or len(total) > 16 or int(total) > MAX_PAYLOAD:
        raise answers.malformed("Content-Length")
    return int(total)


def _require_authorities() -> None:
    """What `requests` calls a failure of the line. SetupError `authorities_missing` (variable, path)."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = os.environ.get(variable)
        if path:
            if not Path(path).exists():
                raise SetupError("authorities_missing", variable=variable, path=path)
            return


@contextmanager
def _renamed() -> Iterator[None]:
    """Foreign errors of the transport, by their meaning for a person."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        if NO_TLS.search(str(error)):
            raise UnavailableError("service_speaks_no_tls") from error
        raise UnavailableError("service_certificate_refused") from error
    except requests.exceptions.InvalidURL as error:
        raise MalformedError("service_url_malformed", field="url") from error
    except (requests.RequestException, OSError) as error:
        _require_authorities()
        raise UnavailableError("service_unreachable") from error
