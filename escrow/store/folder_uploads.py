"""Payloads in a folder: announced by a plan, sent in parts, assembled into one file.

On disk a part is its bytes followed by the 32 bytes of their SHA-256: one rename brings in both or neither.
What a crash can leave, and why it never counts: see "A crash at every step" in escrow/store/README.md.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final, cast

from escrow.errors import MalformedError, NotFoundError, RefusedError, UnavailableError
from escrow.store import names, notes
from escrow.store.bodies import Slice, read_body, require_digest, require_end
from escrow.store.disk import CHUNK_BYTES, Aside, Disk, entries, opened, read_chunks, read_exactly
from escrow.store.interface import Bucket, Outcome, PartReceipt, StoredPayload, UploadPlan

_DIGEST_BYTES: Final = 32
_MISSING_NAMED: Final = 100  # how many missing parts a refusal lists
_RECORDS: Final = Bucket.RECORDS


class FolderUploads:
    """The payload half of the folder store; escrow/store/interface.py says what each call decides."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def begin(self, name: str, plan: UploadPlan) -> None:
        if self._create_note(names.upload_plan(name), notes.print_plan(plan)) is Outcome.ALREADY_OTHER:
            raise RefusedError("upload_plan_differs")

    def plan(self, name: str) -> UploadPlan:
        try:
            return notes.parse_plan(self._read_note(names.upload_plan(name)))
        except NotFoundError as error:
            raise NotFoundError("upload_unknown") from error

    def put_part(self, name: str, number: int, body: BinaryIO) -> PartReceipt:
        length = self.plan(name).part_length(number)
        self._require_open(name)
        with self._disk.aside(_RECORDS) as aside:
            digest = _receive(body, aside, length)
            aside.write(digest)
            try:
                self._disk.replace(aside, self._part(name, number))
            finally:  # completed or swept while we received? Then what we brought does not count
                self._require_open(name)
                self.plan(name)
        return PartReceipt(number=number, length=length, sha256=digest.hex())

    def put_payload(self, name: str, body: BinaryIO, sha256: str | None) -> StoredPayload:
        plan = self.plan(name)
        whole = hashlib.sha256()
        for number in range(1, plan.part_count + 1):
            self.put_part(name, number, cast(BinaryIO, Slice(body, plan.part_length(number), whole)))
        require_end(body, plan.length)
        require_digest(whole.hexdigest(), sha256)
        return self.complete(name, sha256=whole.hexdigest())

    def parts(self, name: str) -> list[PartReceipt]:
        self.plan(name)
        self._require_open(name)
        try:
            return [self._receipt(name, number) for number in self._numbers(name)]
        except FileNotFoundError:  # completed or swept, and its parts removed, while we read them
            self._require_open(name)
            self.plan(name)
            raise

    def complete(self, name: str, *, sha256: str | None = None) -> StoredPayload:
        """Assemble aside, link into place, note the digest, remove the parts; a crash may follow any step.

        `sha256`: of what is to be assembled, where that is known.
        """
        plan = self.plan(name)
        if not self._is_completed(name):
            self._assemble(name, plan, sha256)
        stored = self._stored(name)
        self._remove_parts(name)
        return stored

    def payload(self, name: str, start: int, stop: int | None) -> Iterator[bytes]:
        names.parse_payload(name)
        return self._disk.stream(_RECORDS, name, start, stop)

    def length(self, name: str) -> int:
        names.parse_payload(name)
        return self._disk.length(_RECORDS, name)

    def sweep(self) -> None:
        """Remove parts of completed payloads that a crash left. Open uploads stay."""
        for last in entries(self._disk.path(_RECORDS, names.PARTS)):
            with suppress(MalformedError):  # not ours
                place = names.parse_part_folder(last)
                name = names.payload(place.case, place.upload)
                if self._is_completed(name):
                    self._remove_parts(name)

    # --- assembling ---------------------------------------------------------------------------------------

    def _assemble(self, name: str, plan: UploadPlan, sha256: str | None) -> None:
        """Link the whole payload into place; if another process was first, its payload stays."""
        self._require_all_parts(name, plan)
        whole = hashlib.sha256()
        with self._disk.aside(_RECORDS) as aside:
            try:
                for number in range(1, plan.part_count + 1):
                    for chunk in self._part_chunks(name, number, plan.part_length(number)):
                        whole.update(chunk)
                        aside.write(chunk)
            except FileNotFoundError:  # completed elsewhere, and its parts removed, while we read them
                if self._is_completed(name):
                    return
                self.plan(name)  # or swept
                raise
            require_digest(whole.hexdigest(), sha256)  # a part may have been replaced meanwhile
            if self._disk.publish(aside, self._disk.path(_RECORDS, name)):
                self._write_stored(name, StoredPayload(length=plan.length, sha256=whole.hexdigest()))

    def _require_all_parts(self, name: str, plan: UploadPlan) -> None:
        there = set(self._numbers(name))
        missing = [str(number) for number in range(1, plan.part_count + 1) if number not in there]
        if missing and not self._is_completed(name):  # or else parts go only with their plan
            self.plan(name)
            named = tuple(missing[:_MISSING_NAMED])
            raise RefusedError("upload_incomplete", missing=named, missing_count=len(missing))

    def _part_chunks(self, name: str, number: int, length: int) -> Iterator[bytes]:
        """One part, checked on the way: disks forget, and a finished payload could not be mended."""
        digest = hashlib.sha256()
        with opened(self._part(name, number)) as fd:
            for chunk in read_chunks(fd, length):
                digest.update(chunk)
                yield chunk
            if read_exactly(fd, _DIGEST_BYTES + 1) != digest.digest():
                raise UnavailableError("part_damaged", number=number)

    def _stored(self, name: str) -> StoredPayload:
        """What was noted at completion; read again where a crash came between payload and note."""
        try:
            stored = notes.parse_stored(self._read_note(names.upload_stored(name)))
        except NotFoundError:
            self._disk.require_flushed(self._disk.path(_RECORDS, name))
            stored = self._measure(name)
            self._write_stored(name, stored)
        if stored.length != self.length(name):
            raise UnavailableError("storage_failed", bucket=_RECORDS.value, reason="payload_length_differs")
        return stored

    def _measure(self, name: str) -> StoredPayload:
        whole, length = hashlib.sha256(), self.length(name)
        for chunk in self.payload(name, 0, length):
            whole.update(chunk)
        return StoredPayload(length=length, sha256=whole.hexdigest())

    def _write_stored(self, name: str, stored: StoredPayload) -> None:
        if self._create_note(names.upload_stored(name), notes.print_stored(stored)) is Outcome.ALREADY_OTHER:
            raise UnavailableError("storage_failed", bucket=_RECORDS.value, reason="digest_differs")

    def _remove_parts(self, name: str) -> None:
        """Of a completed payload; what cannot be removed now, `sweep` removes."""
        folder = self._disk.path(_RECORDS, names.part_folder(name))
        with suppress(OSError):
            for last in entries(folder):
                os.unlink(f"{folder}/{last}")
            os.rmdir(folder)

    # --- reading ------------------------------------------------------------------------------------------

    def _receipt(self, name: str, number: int) -> PartReceipt:
        with opened(self._part(name, number)) as fd:
            length = os.fstat(fd).st_size - _DIGEST_BYTES
            digest = os.pread(fd, _DIGEST_BYTES, length) if length > 0 else b""
        if len(digest) != _DIGEST_BYTES:
            raise UnavailableError("part_damaged", number=number)
        return PartReceipt(number=number, length=length, sha256=digest.hex())

    def _numbers(self, name: str) -> list[int]:
        folder = self._disk.path(_RECORDS, names.part_folder(name))
        return [names.parse_part(last) for last in entries(folder) if names.is_part(last)]

    def _part(self, name: str, number: int) -> str:
        return self._disk.path(_RECORDS, names.part(name, number))

    def _is_completed(self, name: str) -> bool:
        try:
            self.length(name)
        except NotFoundError:
            return False
        return True

    def _require_open(self, name: str) -> None:
        if self._is_completed(name):
            raise RefusedError("upload_completed")

    def _create_note(self, name: str, data: bytes) -> Outcome:
        return self._disk.create(_RECORDS, name, data)

    def _read_note(self, name: str) -> bytes:
        return self._disk.read(_RECORDS, name, limit=notes.NOTE_LIMIT)


def _receive(body: BinaryIO, aside: Aside, length: int) -> bytes:
    """Stream exactly `length` bytes aside; their SHA-256."""
    digest, rest = hashlib.sha256(), length
    while rest > 0:
        chunk = read_body(body, min(rest, CHUNK_BYTES), length)
        if not chunk:
            raise MalformedError("part_cut_short", field="body", expected=length, found=length - rest)
        digest.update(chunk)
        aside.write(chunk)
        rest -= len(chunk)
    require_end(body, length)
    return digest.digest()
