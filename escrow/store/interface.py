"""What Escrow asks of storage, and nothing more: the contract that every store keeps.

A store keeps bytes under names and decides one thing: who was first. It knows nothing of cases, signatures or
rules. The numbered rules (R1-R12) are in escrow/store/README.md; tests/store/contract.py holds every store to
them. Names come from escrow/store/names.py only; any other name is MalformedError("object_name_malformed").

Every method may raise UnavailableError: "storage_full" or "storage_failed". Nothing then counts in part, but
whether a `create`, `put_part`, `complete_upload` or `retain` took effect is open; each may be called again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import BinaryIO, Final, Protocol

from escrow.errors import MalformedError

MIB: Final = 1024 * 1024
MAX_PARTS: Final = 10_000  # what S3 takes in one multipart upload
MIN_PART_BYTES: Final = 5 * MIB  # what S3 asks of every part but the last
MAX_PART_BYTES: Final = (
    64 * MIB
)  # a store may hold one part in memory to sign it; 10,000 of these are 625 GiB
MAX_PAGE: Final = 1000  # names in one answer, as S3 has it

_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_OWNER = re.compile(r"([0-9a-f]{64})?")


class Bucket(StrEnum):
    """The three places. An object of one kind lives in one bucket only."""

    LEDGER = "ledger"
    RECORDS = "records"
    PUBLIC = "public"


class Outcome(Enum):
    """What a create-only write found. One's own success, seen again after a lost answer, is ALREADY_SAME."""

    CREATED = "created"
    ALREADY_SAME = "already_same"
    ALREADY_OTHER = "already_other"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """How a payload will arrive: `length` bytes of ciphertext in all, `part_size` in each part but the last.

    `owner`: the fingerprint of who announced it, or empty; the store keeps it and asks nothing of it.
    MalformedError "payload_length_out_of_range", "part_size_out_of_range" or "upload_owner_malformed".
    """

    length: int
    part_size: int
    owner: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.length <= MAX_PARTS * MAX_PART_BYTES:
            raise MalformedError(
                "payload_length_out_of_range", field="length", limit=MAX_PARTS * MAX_PART_BYTES
            )
        least = min(self.length, MIN_PART_BYTES)  # a payload of one part may be as small as it likes
        if not least <= self.part_size <= MAX_PART_BYTES or self.part_count > MAX_PARTS:
            raise MalformedError(
                "part_size_out_of_range",
                field="part_size",
                least=MIN_PART_BYTES,
                most=MAX_PART_BYTES,
                parts=MAX_PARTS,
            )
        if not _OWNER.fullmatch(self.owner):
            raise MalformedError("upload_owner_malformed", field="owner")

    @property
    def part_count(self) -> int:
        return -(-self.length // self.part_size)

    def part_length(self, number: int) -> int:
        """Bytes of part `number`, counted from 1. MalformedError "part_number_out_of_range"."""
        if not 1 <= number <= self.part_count:
            raise MalformedError("part_number_out_of_range", field="number", limit=self.part_count)
        return min(self.part_size, self.length - (number - 1) * self.part_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayload:
    """A payload as it lies in the store: bytes, and the lowercase hex SHA-256 of them."""

    length: int
    sha256: str

    def __post_init__(self) -> None:
        _require_receipt(self.length, self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReceipt:
    """One whole part as it lies in the store: its number from 1, bytes, and their lowercase hex SHA-256.

    `sha256` None: the store did not keep it, or never saw the bytes. The payload's digest decides in the end.
    """

    number: int
    length: int
    sha256: str | None

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MAX_PARTS:
            raise MalformedError("part_number_out_of_range", field="number", limit=MAX_PARTS)
        _require_receipt(self.length, "0" * 64 if self.sha256 is None else self.sha256)


class Store(Protocol):
    """Create-only objects, and payloads that arrive in parts. Safe to share by threads and by processes."""

    def check(self) -> None:
        """Prove at start-up that create-only holds in every bucket, and clear away what crashes left.

        SetupError "store_not_create_only" (bucket) or "store_unusable" (bucket, reason); UnavailableError.
        """

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        """Write a small object unless the name is taken; what lies there is whole and durable on return.

        Of any number of racing writers at most one sees CREATED; a writer of other bytes sees ALREADY_OTHER.
        """

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        """The whole object, at most `limit` bytes.

        NotFoundError "object_unknown", TooLargeError "object_too_large" (limit).
        """

    def names(self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = MAX_PAGE) -> list[str]:
        """Up to `limit` full names under `prefix`, sorted, strictly after `after` (any text, compared only).

        `prefix` is empty or whole folders ending in "/". An answer shorter than `limit` is the last.
        MalformedError "object_prefix_malformed", "page_limit_out_of_range". To read a case, get entry n+1
        until it is unknown: that costs one call an entry and needs no listing.
        """

    def begin_upload(self, name: str, plan: UploadPlan) -> None:
        """Announce a payload. The same plan again changes nothing; RefusedError "upload_plan_differs"."""

    def upload_plan(self, name: str) -> UploadPlan:
        """The plan announced, also after completion. NotFoundError "upload_unknown"."""

    def put_part(self, name: str, number: int, body: BinaryIO) -> PartReceipt:
        """Take one part from `body`, which must end exactly where the plan says; durable before it returns.

        The part counts only once whole; sending it again replaces it. NotFoundError "upload_unknown";
        MalformedError "part_number_out_of_range", "part_cut_short" (also when reading `body` raises OSError,
        as a stalled socket does), "part_too_long"; RefusedError "upload_completed". Other errors of
        `body.read` pass through.
        """

    def put_payload(self, name: str, body: BinaryIO, *, sha256: str | None = None) -> StoredPayload:
        """Take the whole payload from one `body`, and complete it; the digest is of what passed.

        One pass, parts on their way to storage while later bytes arrive. Errors as `put_part` and
        `complete_upload`; where `body` breaks off, the parts that were whole by then count, and whoever sends
        the rest by `put_part` goes on from there. `sha256`: what the digest must be, in lowercase hex; else
        nothing is completed: UnavailableError "payload_damaged", and the whole must be sent again.
        """

    def part_addresses(self, name: str, numbers: Sequence[int], *, valid_s: int) -> list[str] | None:
        """URLs that take one of these parts each by HTTP PUT, from anybody who has them, for so many seconds.

        None: this store takes parts by `put_part` only. A part that was sent there counts like any other;
        what was sent, `complete_upload` reads back. Errors as `put_part`.
        """

    def parts(self, name: str) -> list[PartReceipt]:
        """The whole parts there are, by number.

        NotFoundError "upload_unknown"; RefusedError "upload_completed".
        """

    def complete_upload(self, name: str) -> StoredPayload:
        """Make one immutable payload of the parts and say what is stored; asked again, it says the same.

        NotFoundError "upload_unknown"; RefusedError "upload_incomplete" (missing: up to 100 part numbers, as
        text; missing_count); UnavailableError "part_damaged" (number): that part must be sent again.
        """

    def payload(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Bytes `start` to `stop` (not included; None is the end) of a payload, in chunks of up to 1 MiB.

        NotFoundError "object_unknown" and MalformedError "range_out_of_bounds" (length) are raised by this
        call itself, not by the first chunk. Nothing stays open if the iterator is exhausted, dropped or never
        started.
        """

    def payload_length(self, name: str) -> int:
        """Bytes of a completed payload. NotFoundError "object_unknown"."""

    def retain(self, name: str, until: datetime) -> None:
        """Keep a payload at least until then: aware UTC, in the future, rounded up to a whole second.

        Never shortened: RefusedError "retention_shortened" (until: what stands). NotFoundError
        "object_unknown"; MalformedError "retention_time_malformed".
        """

    def retention(self, name: str) -> datetime | None:
        """The latest time set for a completed payload, None if none was. NotFoundError "object_unknown"."""


class Publisher(Protocol):
    """A store that takes what is released to everybody: documents of any length in the public bucket."""

    def publish(self, name: str, chunks: Iterable[bytes], *, length: int) -> bool:
        """Write a public object unless the name is taken. True: it is new, and durable.

        False: the name is taken, by whatever bytes, and nothing was changed.

        Nothing counts unless exactly `length` bytes came: MalformedError "payload_length_out_of_range"
        (field). What `chunks` raises passes through. Of any number of racing writers at most one is told
        True; a reader sees the whole document of one of them, or none. SetupError "store_not_create_only"
        (bucket): this storage cannot promise that for a document of this length; nothing was read or written.
        """

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Bytes of a public object, as `Store.payload` gives those of a payload."""

    def published_length(self, name: str) -> int:
        """Bytes of a public object. NotFoundError "object_unknown"."""


class Sweepable(Protocol):
    """A store from which what no entry names can be removed. The service's credential may not do this.

    Whether an entry names it is the caller's business; that nothing retained goes, is the store's.
    """

    def now(self) -> datetime:
        """The storage's own clock, aware UTC, by which it judges retention and dates what is written."""

    def written_at(self, bucket: Bucket, name: str) -> datetime:
        """When what lies under this name was written. NotFoundError "object_unknown"."""

    def discard_upload(self, name: str) -> None:
        """Remove an upload that is not completed: its parts, and then its plan. Again: nothing happens.

        Whoever goes on with it is told "upload_unknown", and may begin anew under its name with any plan.
        RefusedError "upload_completed".
        """

    def discard(self, name: str) -> None:
        """Remove an object of the records bucket for good: a payload, or a note about an upload; no share.

        RefusedError "object_retained" (until) while it is retained, also by who came in this instant and was
        told so; MalformedError "object_name_malformed" for any other kind. Again: nothing happens.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectVersion:
    """One version of an object in a bucket that keeps them. `data_length` None: it says "deleted" (a marker).

    `version` is the storage's own name for it; `written_at` is aware UTC.
    """

    name: str
    version: str
    is_latest: bool
    written_at: datetime
    data_length: int | None


class Versioned(Protocol):
    """A store that keeps what somebody overwrote or deleted, so that it can be found and put back."""

    def versions(self, bucket: Bucket, prefix: str, *, after: str = "") -> Iterator[ObjectVersion]:
        """Every version and marker under a prefix, names sorted, the versions of one name oldest first.

        In the order in which the storage took them, also within one tick of its clock. Only names after
        `after`, any text.
        """

    def get_version(self, bucket: Bucket, name: str, version: str, *, limit: int) -> bytes:
        """As `Store.get`, for one version."""

    def payload_version(self, name: str, version: str) -> Iterator[bytes]:
        """As `Store.payload`, whole, for one version."""

    def stream_version(self, bucket: Bucket, name: str, version: str) -> Iterator[bytes]:
        """As `payload_version`, for any object, of whatever length somebody gave it."""

    def restore(self, bucket: Bucket, name: str, version: str) -> None:
        """Make this version's bytes the latest again; nothing goes. RefusedError "restore_forbidden"."""

    def retained_until(self, bucket: Bucket, name: str, version: str) -> datetime | None:
        """Until when this version is locked, None if it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedObject:
    """The bytes of one version, and until when it is locked (aware UTC; None: it is not)."""

    data: bytes
    until: datetime | None


class Locking(Protocol):
    """A store whose server keeps whoever may delete from removing a version before its time."""

    def term(self, bucket: Bucket) -> timedelta | None:
        """For how long this bucket locks by itself whatever comes in; None if it does not."""

    def get_locked(self, bucket: Bucket, name: str, version: str, *, limit: int) -> LockedObject:
        """As `Versioned.get_version`, with the version's lock."""


class StrayKind(StrEnum):
    """What makes something no object: its name, or what lies under a name that would do."""

    NAME = "name"
    FOLDER = "folder"
    LINK = "link"
    SPECIAL = "special file"
    UNREADABLE = "unreadable folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """Something that nobody of ours put there. `name` is foreign text, a folder's ends in "/"."""

    name: str
    kind: StrayKind


class Strays(Protocol):
    """A store that can say what lies in it beside its objects."""

    def strays(self, bucket: Bucket) -> Iterator[Stray]:
        """In no order; a bucket or folder that is not there has none."""


def _require_receipt(length: int, sha256: str) -> None:
    if length < 1:
        raise MalformedError("receipt_malformed", field="length")
    if not _SHA256_HEX.fullmatch(sha256):
        raise MalformedError("receipt_malformed", field="sha256")
