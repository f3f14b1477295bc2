"""The two small JSON objects beside an upload: its plan, and length and digest of the finished payload.

Both are written create-only, so their bytes are canonical: keys sorted, no spaces. Every store uses these.
"""

import json
from typing import Final

from escrow.errors import MalformedError, UnavailableError
from escrow.store.interface import StoredPayload, UploadPlan

NOTE_LIMIT: Final = 1024  # bytes; a note is about a hundred


def print_plan(plan: UploadPlan, **more: str) -> bytes:
    """`more`: what a store needs to know of the upload beside its plan."""
    return _print(length=plan.length, part_size=plan.part_size, owner=plan.owner, **more)


def parse_plan(data: bytes) -> UploadPlan:
    """UnavailableError "storage_failed": we wrote it ourselves, so what is not a plan is damage."""
    try:
        note = json.loads(data)
        return UploadPlan(
            length=int(note["length"]), part_size=int(note["part_size"]), owner=str(note["owner"])
        )
    except (ValueError, TypeError, KeyError, RecursionError, MalformedError) as error:
        raise UnavailableError("storage_failed", reason="note_damaged") from error


def parse_multipart(data: bytes) -> str:
    """The S3 server's id of the upload, beside its plan. UnavailableError "storage_failed"."""
    try:
        return str(json.loads(data)["multipart"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UnavailableError("storage_failed", reason="note_damaged") from error


def print_stored(stored: StoredPayload) -> bytes:
    """The note that a payload is whole: canonical JSON of `length` (bytes) and `sha256` (hex)."""
    return _print(length=stored.length, sha256=stored.sha256)


def parse_stored(data: bytes) -> StoredPayload:
    """UnavailableError "storage_failed": we wrote it ourselves, so what is no such note is damage."""
    try:
        note = json.loads(data)
        return StoredPayload(length=int(note["length"]), sha256=str(note["sha256"]))
    except (ValueError, TypeError, KeyError, RecursionError, MalformedError) as error:
        raise UnavailableError("storage_failed", reason="note_damaged") from error


def _print(**values: int | str) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode("ascii")
