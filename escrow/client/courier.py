"""The courier: what the client asks of whoever carries its words. One method a route; nothing here is
believed.

`Courier` is the protocol; `HttpCourier` (http.py) speaks it over HTTP, tests speak it with lies. Answers are
well-formed and within their limits, and that is all that their types say: hashes, signatures, order and
completeness are checked by the callers. Errors are of our families only: what the service refused with its
own code and fields (and `request_id` where it gave one); `service_unreachable` (UnavailableError) where
nothing came back.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from escrow.client.posting import Posting
from escrow.crypto.card import Card
from escrow.model.ids import CaseId, Hash, RecordId, UploadId
from escrow.model.record import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInfo:
    """What a service says of itself. `url` is the audience of tokens; compare `card` with what you know."""

    card: Card
    url: str
    time: datetime
    version: str
    uploads: tuple[str, ...] = ("parts",)
    """By which ways it takes a payload: numbered `parts`, the whole `payload` in one body, `addresses`."""
    webhook_key: str | None = None
    """By which it signs webhooks, `whpk_...`; None: it is of an earlier version and sends none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedReceipt:
    """An entry in compact form. `Receipt.check` believes or refuses it."""

    entry: str
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesPage:
    """Entries in compact form, in order. `more`: ask again after the last of these."""

    entries: tuple[str, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesPage:
    """Cases in which the service says that this card has a part. `next` is a cursor, None at the end."""

    cases: tuple[CaseId, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesPage:
    """Cases that the service says may have grown, with the number of their last entry.

    None for a number: it cannot read the case. `next` is a cursor, always; `more`: ask by it at once.
    """

    cases: dict[CaseId, int | None]
    next: str
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedReference:
    """The case that the service says this card calls so. `Reference.require` believes or refuses it."""

    case: CaseId
    proof: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook as the service says it is: `hook` is its id. Times are aware UTC.

    `closed` None: it is open; else since when, and `why`: `removed`, `gone` (its receiver answered 410) or
    `failing`. `delivered`: the id of the newest message that got through. `waiting`: how many have not
    yet, the oldest since `waiting_since`.
    """

    hook: str
    url: str
    created: datetime
    closed: datetime | None
    why: str | None
    delivered: Hash | None
    delivered_at: datetime | None
    waiting: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an upload that the service has: number from 1, bytes, hex SHA-256.

    `sha256` None: the service cannot say.
    """

    number: int
    length: int
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A staged upload as the service has it. `completed`: it is a payload now, and `parts` are not told."""

    upload: UploadId
    length: int
    part_size: int
    completed: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where storage takes parts, by their numbers, for `valid_s` seconds."""

    urls: dict[int, str]
    valid_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedRequest:
    """How far the service says that a request is. `opens_at`: its date, while that is ahead; aware UTC."""

    have: int
    need: int
    missing: tuple[str, ...]
    opens_at: datetime | None
    released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadStream:
    """Bytes of a payload from `start` on; `total` is what the service says the whole is long."""

    total: int
    chunks: Iterator[bytes]


class ReleaseCourier(Protocol):
    """Carries what has been released: all that opening a record takes."""

    @property
    def url(self) -> str:
        """Of the service, as it calls itself: the audience of tokens. Empty where none is asked."""
        ...

    def payload(self, case: CaseId, record: RecordId, *, start: int) -> AbstractContextManager[PayloadStream]:
        """The record's encrypted bytes from byte `start` on. UnavailableError when the line breaks midway."""
        ...

    def request(self, case: CaseId, request: Hash) -> UntrustedRequest:
        """For members and the readers that it names; NotFoundError `not_found` for anybody else."""
        ...

    def bundle(self, case: CaseId, request: Hash) -> bytes:
        """What opening needs beside the payload. NotFoundError `not_found` until the release."""
        ...


class Courier(ReleaseCourier, Protocol):
    """Carries words to one service and back. `url` is its public URL, without a slash at the end."""

    def service(self) -> ServiceInfo:
        """Needs no token."""
        ...

    def post(self, posting: Posting) -> UntrustedReceipt:
        """Post a statement. The same again is answered with its first receipt."""
        ...

    def cases(self, *, after: str | None) -> CasesPage:
        """A page of this card's cases, after a cursor (None: from the first)."""
        ...

    def changes(self, *, after: str | None) -> ChangesPage:
        """A page of this card's cases that may have grown since a cursor; None: the cursor to begin with.

        MalformedError `cursor_too_old`.
        """
        ...

    def reference(self, reference: Hash) -> UntrustedReference:
        """NotFoundError `not_found`."""
        ...

    def give_reference(self, reference: Hash, case: CaseId, proof: Hash) -> None:
        """The same again changes nothing. RefusedError `reference_taken` (case), `reference_not_yours`."""
        ...

    def add_hook(self, hook: str, url: str) -> Hook:
        """The same again changes nothing. RefusedError `hook_taken`, `hook_closed`, `hooks_full` and
        others.
        """
        ...

    def hooks(self) -> tuple[Hook, ...]:
        """This card's, closed ones too for a month."""
        ...

    def remove_hook(self, hook: str) -> Hook:
        """Close it for good. NotFoundError `not_found`."""
        ...

    def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        ...

    def entries(self, case: CaseId, *, after: int) -> EntriesPage:
        """Entries with numbers beyond `after` (-1: from the opening on)."""
        ...

    def begin_upload(self, case: CaseId, upload: UploadId, *, length: int, part_size: int) -> Upload:
        """Announce an upload, or ask what of it is there. RefusedError `upload_plan_differs`."""
        ...

    def put_part(self, case: CaseId, upload: UploadId, number: int, data: bytes) -> Part:
        """Send part `number`, from 1, as long as the plan says. Sent again, it replaces the one before."""
        ...

    def put_payload(
        self, case: CaseId, upload: UploadId, pieces: Callable[[], Iterator[bytes]], *, payload: Payload
    ) -> None:
        """Send the whole payload in one body; `pieces()` gives its bytes. Not tried again where it breaks.

        UnavailableError `payload_damaged`: other bytes arrived than were signed for.
        """
        ...

    def drop_off(
        self, case: CaseId, order: bytes, pieces: Callable[[], Iterator[bytes]], *, length: int
    ) -> UntrustedReceipt:
        """Send an order's file and the plain document, of `length` bytes, for the service to seal."""
        ...

    def addresses(self, case: CaseId, upload: UploadId, *, after: int) -> Addresses:
        """Where storage takes parts after this number. MalformedError `address_unsafe`."""
        ...

    def put_to_address(self, url: str, data: bytes) -> None:
        """Send a part to its address. UnavailableError `address_refused`, `storage_unreachable`."""
        ...

    def share(self, case: CaseId, shares: Hash) -> bytes:
        """A share object's bytes. Its author's always, anybody else's after the release."""
        ...
