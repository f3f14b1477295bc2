"""A service in this process: storage in a folder, a clock that stands still, and a client that speaks HTTP.

`Office.case()` gives a `build.Case` whose statements are posted over HTTP, so that every helper of build.py
works here.
"""

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from flask import Flask
from support import build
from support.documented import DocumentedClient
from werkzeug.test import TestResponse

from escrow.api.app import create_app
from escrow.api.blueprint import EXTENSION
from escrow.config import Settings
from escrow.crypto.identity import Identity
from escrow.ledger import token
from escrow.ledger.entry import Entry
from escrow.ledger.signer import read_known
from escrow.ledger.state import CaseState
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.deeds import SignedOff
from escrow.model.ids import CaseId, Hash
from escrow.model.record import Payload
from escrow.model.wire import to_base64
from escrow.service.desk import Desk
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome, PartReceipt, Store, StoredPayload, UploadPlan

PART = 8 * 1024 * 1024
"""The largest part that a service with its own settings takes (U7)."""


class PostedError(Exception):
    """The service refused a statement; `problem` is its answer."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem)
        self.problem = problem


class CountingStore:
    """Notes every call that reaches the store: its name, and the kind of object it was about."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.calls: list[str] = []

    def _note(self, call: str, name: str = "") -> None:
        self.calls.append(f"{call} {name.partition('/')[0]}".strip())

    def check(self) -> None:
        self._note("check")
        self._inner.check()

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        self._note("create", name)
        return self._inner.create(bucket, name, data)

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        self._note("get", name)
        return self._inner.get(bucket, name, limit=limit)

    def names(self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = 1000) -> list[str]:
        self._note("names", prefix)
        return self._inner.names(bucket, prefix, after=after, limit=limit)

    def begin_upload(self, name: str, plan: UploadPlan) -> None:
        self._note("begin_upload")
        self._inner.begin_upload(name, plan)

    def upload_plan(self, name: str) -> UploadPlan:
        self._note("upload_plan")
        return self._inner.upload_plan(name)

    def put_part(self, name: str, number: int, body: BinaryIO) -> PartReceipt:
        self._note("put_part")
        return self._inner.put_part(name, number, body)

    def put_payload(self, name: str, body: BinaryIO, *, sha256: str | None = None) -> StoredPayload:
        self._note("put_payload")
        return self._inner.put_payload(name, body, sha256=sha256)

    def part_addresses(self, name: str, numbers: Sequence[int], *, valid_s: int) -> list[str] | None:
        self._note("part_addresses")
        return self._inner.part_addresses(name, numbers, valid_s=valid_s)

    def parts(self, name: str) -> list[PartReceipt]:
        self._note("parts")
        return self._inner.parts(name)

    def complete_upload(self, name: str) -> StoredPayload:
        self._note("complete_upload")
        return self._inner.complete_upload(name)

    def payload(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        self._note("payload")
        return self._inner.payload(name, start=start, stop=stop)

    def payload_length(self, name: str) -> int:
        self._note("payload_length")
        return self._inner.payload_length(name)

    def retain(self, name: str, until: datetime) -> None:
        self._note("retain")
        self._inner.retain(name, until)

    def retention(self, name: str) -> datetime | None:
        self._note("retention")
        return self._inner.retention(name)


class HttpChain:
    """Where a build.Case posts to: the service, over HTTP."""

    def __init__(self, office: "Office") -> None:
        self._office = office
        self.case: CaseId | None = None
        self.shares: dict[Hash, bytes] = {}

    @property
    def state(self) -> CaseState:
        if self.case is None:
            raise LookupError("the case is not open yet")
        return self._office.state(self.case)

    def append(self, raw: str) -> Entry:
        answer = self._office.post(self.case, raw, self.attachment(raw))
        if answer.status_code not in (200, 201):
            raise PostedError(answer.get_json())
        if self.case is None:
            self.case = answer.get_json()["statement"]
        return read_known(self.state, answer.get_json()["receipt"])

    def attachment(self, raw: str) -> bytes | None:
        """The share object that a sign-off names."""
        statement = UnverifiedStatement.parse(raw)
        if statement.typ != SignedOff.TYP:
            return None
        card = self.state.known_card(statement.kid)
        if card is None:
            return None
        deed = statement.verify(card).deed
        return self.shares.get(deed.shares) if isinstance(deed, SignedOff) else None


class Office:
    """See above. `store` may be wrapped before anything is served."""

    def __init__(self, folder: Path, *, store: Store | None = None, **settings: Any) -> None:
        self.folder = folder
        self.clock = build.Clock()
        self.store = CountingStore(store or FolderStore(folder / "store"))
        self.settings = office_settings(folder, **settings)
        self.store.check()
        self.app: Flask = create_app(self.settings, self.store, self.clock, ticks=self.ticks)
        self.app.test_client_class = DocumentedClient
        self.client = self.app.test_client()
        self.store.calls.clear()

    def over(self, store: Store, clock: build.Clock | None = None) -> "Office":
        """Another process of this service, which reaches the same storage through `store`."""
        other = copy.copy(self)
        other.clock = clock or self.clock
        other.app = create_app(self.settings, store, other.clock, ticks=self.ticks)
        other.app.test_client_class = DocumentedClient
        other.client = other.app.test_client()
        return other

    def ticks(self) -> float:
        """Limits of use fill by the same clock."""
        return self.clock.now.timestamp()

    @property
    def desk(self) -> Desk:
        found: Desk = self.app.extensions[EXTENSION]
        return found

    def state(self, case: CaseId) -> CaseState:
        with self.desk.journal.reading(case) as state:
            return state

    def case(self) -> build.Case:
        """A case that this service will keep, once it is opened."""
        chain = HttpChain(self)
        return build.Case(chain=chain, shares=chain.shares)

    def accepted(self) -> build.Case:
        return self.case().open().accept_all()

    def bearer(self, who: Identity | None) -> dict[str, str]:
        if who is None:
            return {}
        return {"Authorization": f"Bearer {token.make(who, build.URL, self.clock())}"}

    def get(self, path: str, who: Identity | None = None, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers=self.bearer(who) | named)

    def post(self, case: CaseId | None, raw: str, attachment: bytes | None = None) -> TestResponse:
        body = {"statement": raw}
        if attachment is not None:
            body["attachment"] = to_base64(attachment)
        path = "/v1/cases" if case is None else f"/v1/cases/{case}/statements"
        return self.client.post(path, json=body)

    def begin(
        self, case: CaseId, who: Identity | None, upload: str, length: int, part_size: int | None = None
    ) -> TestResponse:
        plan = {"length": length, "part_size": part_size or length}
        return self.client.put(f"/v1/cases/{case}/uploads/{upload}", json=plan, headers=self.bearer(who))

    def send_part(
        self, case: CaseId, who: Identity | None, upload: str, number: int, data: bytes
    ) -> TestResponse:
        return self.client.put(
            f"/v1/cases/{case}/uploads/{upload}/parts/{number}",
            data=data,
            headers=self.bearer(who) | {"Content-Type": "application/octet-stream"},
        )

    def send_payload(
        self, case: CaseId, who: Identity | None, upload: str, data: bytes, **headers: str
    ) -> TestResponse:
        """The whole in one body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.put(
            f"/v1/cases/{case}/uploads/{upload}/payload",
            data=data,
            headers=self.bearer(who) | {"Content-Type": "application/octet-stream"} | named,
        )

    def stored(
        self, case: CaseId, name: str = "record", data: bytes | None = None, *, seat: str = "claimant"
    ) -> Payload:
        """Upload bytes as the holder of a seat; the payload to name in a deposit."""
        data = data if data is not None else f"ciphertext of {name}".encode()
        upload = build.bytes_of(f"upload {name}", 16).hex()
        who = build.SEATS[seat]
        size = max(1, min(len(data), PART))
        assert self.begin(case, who, upload, len(data), size).status_code == 200
        for number, at in enumerate(range(0, len(data), size), start=1):
            assert self.send_part(case, who, upload, number, data[at : at + size]).status_code == 200
        return Payload(sha256=hashlib.sha256(data).hexdigest(), length=len(data), upload=upload)

    def deposited(self, case: build.Case, name: str = "record", *, seat: str = "claimant") -> str:
        return case.deposit(name, seat, payload=self.stored(case.id, name, seat=seat))


def office_settings(folder: Path, **settings: Any) -> Settings:
    """Settings over a folder, with the service identity of build.py in its file."""
    key = folder / "service.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(build.SERVICE.dump())
    return Settings(
        **{"public_url": build.URL, "store": folder / "store", "service_identity": key} | settings
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file in a folder and what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
