"""Payloads on S3: a multipart upload of the server's own, announced by a plan that names it.

What counts is the object that the completion makes and the note beside it, `stored`, with its digest. The
digest is of what passed through here when the whole payload came in one body and was completed at once, with
the very parts that were hashed; in every other case the payload is read back.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from escrow.errors import MalformedError, NotFoundError, RefusedError, UnavailableError
from escrow.store import names, notes
from escrow.store.bodies import fill_from, require_digest, require_end
from escrow.store.interface import MAX_PAGE, Bucket, Outcome, PartReceipt, StoredPayload, UploadPlan
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError, failed
from escrow.store.s3_reading import CHUNK, head, stream
from escrow.store.s3_sending import PieceByPiece

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_RECORDS: Final = Bucket.RECORDS
_MISSING_NAMED: Final = 100
"""How many missing parts a refusal lists."""
_LINES: Final = 2
"""Parts of one body on their way at once: with one, the server and this process wait for each other."""
_REMEMBERED: Final = 1000
"""Plans that a process keeps in memory, from asking for one to what is done with it."""
_CHANGED: Final = "InvalidPart"
"""One of the parts named for a completion was replaced meanwhile by another."""
_GONE: Final = ("NoSuchUpload", "NoSuchKey")
"""How servers say that an upload is over: Ceph in the second way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Announced:
    """A plan, and the server's id of the multipart upload that takes its parts."""

    plan: UploadPlan
    multipart: str


class S3Uploads:
    """The payload half of the S3 store; escrow/store/interface.py says what each call decides."""

    def __init__(
        self,
        connection: S3Connection,
        *,
        create: Callable[[Bucket, str, bytes], Outcome],
        get: Callable[..., bytes],
    ) -> None:
        self._connection = connection
        self._create = create
        self._get = get
        self._known: OrderedDict[str, _Announced] = OrderedDict()
        self._lock = Lock()

    def begin(self, name: str, plan: UploadPlan) -> None:
        """The server's upload first, then the plan that names it; who comes second aborts its own.

        What this process remembers is not asked: another may have swept the upload.
        """
        self._forget(name)
        try:
            standing = self._announced(name)
        except NotFoundError:
            multipart = self._connection.call("create_multipart_upload", _RECORDS, Key=name)["UploadId"]
            note = notes.print_plan(plan, multipart=multipart)
            if self._create(_RECORDS, names.upload_plan(name), note) is not Outcome.ALREADY_OTHER:
                return
            self._abort(name, multipart)
            standing = self._announced(name)
        if standing.plan != plan:
            raise RefusedError("upload_plan_differs")

    def plan(self, name: str) -> UploadPlan:
        """Asked anew each time: who asks goes on with this upload, and another process may have swept it."""
        self._forget(name)
        return self._announced(name).plan

    def put_part(self, name: str, number: int, body: BinaryIO) -> PartReceipt:
        announced = self._announced(name)
        length = announced.plan.part_length(number)
        data = bytearray(length)
        _fill(body, data)
        require_end(body, length)
        self._send(name, announced, number, data)
        return PartReceipt(number=number, length=length, sha256=hashlib.sha256(data).hexdigest())

    def put_payload(self, name: str, body: BinaryIO, sha256: str | None) -> StoredPayload:
        """As many buffers as lines, used in turn: one is filled again as soon as its part is there."""
        announced = self._announced(name)
        plan = announced.plan
        whole = hashlib.sha256()
        tags: list[str] = []
        under_way: deque[tuple[Future[str], Future[None]]] = deque()

        def finish() -> None:
            sent, hashed = under_way.popleft()
            tags.append(sent.result())
            hashed.result()

        buffers = [bytearray(plan.part_length(1)) for _ in range(min(_LINES, plan.part_count))]
        with ThreadPoolExecutor(_LINES) as lines, ThreadPoolExecutor(1) as hashing:
            for number in range(1, plan.part_count + 1):
                if len(under_way) == len(buffers):
                    finish()
                data = buffers[number % len(buffers)]
                del data[plan.part_length(number) :]  # the last one may be shorter
                _fill(body, data)
                sent = lines.submit(copy_context().run, self._send, name, announced, number, data)
                under_way.append((sent, hashing.submit(whole.update, data)))
            while under_way:
                finish()
        require_end(body, plan.length)
        require_digest(whole.hexdigest(), sha256)
        if not self._join(name, announced, tags):
            return self.complete(name)  # somebody else did, perhaps of other parts
        stored = StoredPayload(length=plan.length, sha256=whole.hexdigest())
        self._note(name, stored)
        return stored

    def part_addresses(self, name: str, numbers: Sequence[int], valid_s: int) -> list[str] | None:
        """Each takes its part of this upload in exactly its length, and nothing else.

        An address holds the access key's name and a signature for this one deed, not the secret.
        """
        endpoint = self._connection.settings.public_endpoint
        if endpoint is None:
            return None
        announced = self._announced(name)
        lengths = [announced.plan.part_length(number) for number in numbers]
        self._page(name, announced, marker=0, most=1)  # an upload that is over takes no part
        signer = self._connection.signer(endpoint)
        return [
            self._address(signer, name, announced, number, length, valid_s)
            for number, length in zip(numbers, lengths, strict=True)
        ]

    def _address(
        self, signer: "S3Client", name: str, announced: _Announced, number: int, length: int, valid_s: int
    ) -> str:
        return signer.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self._connection.bucket(_RECORDS),
                "Key": name,
                "UploadId": announced.multipart,
                "PartNumber": number,
                "ContentLength": length,
            },
            ExpiresIn=valid_s,
        )

    def parts(self, name: str) -> list[PartReceipt]:
        announced = self._announced(name)
        found = self._listed(name, announced)
        return [PartReceipt(number=one["PartNumber"], length=one["Size"], sha256=None) for one in found]

    def complete(self, name: str) -> StoredPayload:
        announced = self._announced(name)
        stored = self._noted(name)
        if stored is None:
            if not self._is_there(name):
                self._assemble(name, announced)
            stored = self._measured(name)
            self._note(name, stored)
        return stored

    def payload(self, name: str, start: int, stop: int | None) -> Iterator[bytes]:
        names.parse_payload(name)
        return stream(self._connection, _RECORDS, name, start=start, stop=stop)

    def length(self, name: str) -> int:
        names.parse_payload(name)
        return int(head(self._connection, _RECORDS, name)["ContentLength"])

    # --- parts --------------------------------------------------------------------------------------------

    def _send(self, name: str, announced: _Announced, number: int, data: bytearray) -> str:
        """The part's ETag. The server checks the SHA-256 that the request is signed with."""
        try:
            with PieceByPiece(data) as body:
                answer = self._connection.call(
                    "upload_part", _RECORDS, Key=name, UploadId=announced.multipart, PartNumber=number,
                    Body=body, expected=_GONE,
                )  # fmt: skip
        except S3RefusedError:
            raise self._over(name) from None
        return str(answer["ETag"])

    def _listed(self, name: str, announced: _Announced) -> list[dict[str, Any]]:
        """The parts that are as long as the plan says: others came by an address and count for nothing."""
        found: list[dict[str, Any]] = []
        marker = 0
        while True:
            answer = self._page(name, announced, marker=marker, most=MAX_PAGE)
            found += answer.get("Parts", ())
            if not answer.get("IsTruncated"):
                break
            marker = int(answer["NextPartNumberMarker"])
        plan = announced.plan
        return [
            one for one in found
            if one["PartNumber"] <= plan.part_count and one["Size"] == plan.part_length(one["PartNumber"])
        ]  # fmt: skip

    def _page(self, name: str, announced: _Announced, *, marker: int, most: int) -> Any:
        """The answer to ListParts. RefusedError `upload_completed`, NotFoundError `upload_unknown`."""
        try:
            return self._connection.call(
                "list_parts", _RECORDS, Key=name, UploadId=announced.multipart, PartNumberMarker=marker,
                MaxParts=most, expected=_GONE,
            )  # fmt: skip
        except S3RefusedError:
            raise self._over(name) from None

    def _assemble(self, name: str, announced: _Announced) -> None:
        try:
            listed = self._listed(name, announced)
        except RefusedError:  # completed elsewhere meanwhile
            return
        there = {one["PartNumber"]: str(one["ETag"]) for one in listed}
        missing = [str(number) for number in range(1, announced.plan.part_count + 1) if number not in there]
        if missing:
            named = tuple(missing[:_MISSING_NAMED])
            raise RefusedError("upload_incomplete", missing=named, missing_count=len(missing))
        self._join(name, announced, [there[number] for number in sorted(there)])

    def _join(self, name: str, announced: _Announced, tags: list[str]) -> bool:
        """Make one object of these parts. False: it had been made already, of these or of others.

        UnavailableError `payload_damaged`: a part is not the one that was hashed any more.
        """
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)]
        try:
            self._connection.call(
                "complete_multipart_upload", _RECORDS, Key=name, UploadId=announced.multipart,
                MultipartUpload={"Parts": parts}, expected=(*_GONE, _CHANGED),
            )  # fmt: skip
        except S3RefusedError as error:
            if error.code == _CHANGED:
                raise UnavailableError("payload_damaged") from None
            if not self._is_there(name):
                raise self._forget(name) from None
            return False
        return True

    def _abort(self, name: str, multipart: str) -> None:
        with suppress(S3RefusedError):
            self._connection.call(
                "abort_multipart_upload", _RECORDS, Key=name, UploadId=multipart, expected=_GONE
            )

    def _over(self, name: str) -> RefusedError | NotFoundError:
        """Why the server knows nothing of an upload that was announced."""
        return RefusedError("upload_completed") if self._is_there(name) else self._forget(name)

    # --- notes --------------------------------------------------------------------------------------------

    def _announced(self, name: str) -> _Announced:
        with self._lock:
            known = self._known.get(name)
        if known is None:
            try:
                raw = self._get(_RECORDS, names.upload_plan(name), limit=notes.NOTE_LIMIT)
            except NotFoundError as error:
                raise NotFoundError("upload_unknown") from error
            known = _Announced(plan=notes.parse_plan(raw), multipart=notes.parse_multipart(raw))
            with self._lock:
                self._known[name] = known
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return known

    def _forget(self, name: str) -> NotFoundError:
        """An upload that the sweep has discarded."""
        with self._lock:
            self._known.pop(name, None)
        return NotFoundError("upload_unknown")

    def _noted(self, name: str) -> StoredPayload | None:
        try:
            return notes.parse_stored(self._get(_RECORDS, names.upload_stored(name), limit=notes.NOTE_LIMIT))
        except NotFoundError:
            return None

    def _note(self, name: str, stored: StoredPayload) -> None:
        if (
            self._create(_RECORDS, names.upload_stored(name), notes.print_stored(stored))
            is Outcome.ALREADY_OTHER
        ):
            raise failed("digest_differs", _RECORDS, "put_object")

    def _measured(self, name: str) -> StoredPayload:
        """Read the payload back."""
        whole, length = hashlib.sha256(), 0
        for chunk in self.payload(name, 0, None):
            whole.update(chunk)
            length += len(chunk)
        return StoredPayload(length=length, sha256=whole.hexdigest())

    def _is_there(self, name: str) -> bool:
        try:
            self.length(name)
        except NotFoundError:
            return False
        return True


def _fill(body: BinaryIO, data: bytearray) -> None:
    """With the next bytes of a body. MalformedError `part_cut_short` where it ends before."""
    there = 0
    with memoryview(data) as view:
        while there < len(data):
            found = fill_from(body, view[there : there + CHUNK], len(data))
            if not found:
                raise MalformedError("part_cut_short", field="body", expected=len(data), found=there)
            there += found
