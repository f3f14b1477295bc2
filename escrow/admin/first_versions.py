"""What somebody put on top of an object that is written once, or deleted: the first version is the evidence.

Every object of a case is written create-only, so one that has a second version of other bytes was tampered
with, by somebody whose credential may write there. A store that keeps no versions has nothing to say.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from escrow.model.ids import CaseId
from escrow.store import names
from escrow.store.interface import MIB, Bucket, ObjectVersion, Versioned


class Tampering(StrEnum):
    """How the first version was hidden."""

    OVERWRITTEN = "overwritten"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """An object whose first version is not what is read. `at`: when it was hidden, by the storage's clock."""

    bucket: Bucket
    name: str
    version: str
    how: Tampering
    at: datetime


def hidden_objects(versions: Versioned, case: CaseId) -> Iterator[Hidden]:
    """Entries, share objects and payloads of a case whose first version was overwritten or deleted."""
    for bucket, prefix in (
        (Bucket.LEDGER, names.entries(case)),
        (Bucket.RECORDS, names.shares(case)),
        (Bucket.RECORDS, names.payloads(case)),
    ):
        for name, group in groupby(versions.versions(bucket, prefix), key=lambda one: one.name):
            if names.is_object(bucket, name):
                found = _hidden(versions, bucket, list(group))
                if found is not None:
                    yield found


def restore(versions: Versioned, hidden: Hidden) -> None:
    """Make the first version's bytes the latest again; nothing goes. RefusedError `restore_forbidden`."""
    versions.restore(hidden.bucket, hidden.name, hidden.version)


def _hidden(versions: Versioned, bucket: Bucket, group: list[ObjectVersion]) -> Hidden | None:
    written = [one for one in group if one.data_length is not None]
    if not written or len(group) == 1:
        return None
    first, last = written[0], group[-1]
    if last.data_length is None:
        how = Tampering.DELETED
    elif last is first or _digest(versions, bucket, first) == _digest(versions, bucket, last):
        return None
    else:
        how = Tampering.OVERWRITTEN
    return Hidden(bucket=bucket, name=first.name, version=first.version, how=how, at=last.written_at)


def _digest(versions: Versioned, bucket: Bucket, one: ObjectVersion) -> bytes:
    if names.is_payload(one.name):
        whole = hashlib.sha256()
        for chunk in versions.payload_version(one.name, one.version):
            whole.update(chunk)
        return whole.digest()
    return hashlib.sha256(versions.get_version(bucket, one.name, one.version, limit=16 * MIB)).digest()
