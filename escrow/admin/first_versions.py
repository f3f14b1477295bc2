"""What somebody put on top of an object that is written once, or deleted: the first version is the evidence.

Every object of a case is written create-only, so one that has a second version of other bytes was tampered
with, by somebody whose credential may write there. A store that keeps no versions has nothing to say.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby, takewhile

from escrow.admin.listings import Found, ends, found_in
from escrow.model.ids import CaseId
from escrow.store import names
from escrow.store.interface import Bucket, ObjectVersion, Versioned
from escrow.store.opening import Archive

KINDS = ((Bucket.LEDGER, names.CASES), (Bucket.RECORDS, names.SHARES), (Bucket.RECORDS, names.PAYLOADS))
"""What is sorted by case, and was written once."""


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


def hidden(versions: Versioned, found: Found) -> Hidden | None:
    """Whether this object's first version is not what is read."""
    first, last = found.first, found.last
    if first is None or last is None or last is first:
        return None
    if last.data_length is None:
        how = Tampering.DELETED
    elif _is_same(versions, found.bucket, first, last):
        return None
    else:
        how = Tampering.OVERWRITTEN
    return Hidden(bucket=found.bucket, name=found.name, version=first.version, how=how, at=last.written_at)


def hidden_objects(archive: Archive, only: CaseId = "", *, start: CaseId = "") -> Iterator[Hidden]:
    """Every entry, share object, payload and index object of the store that is hidden, of cases from `start`
    on whose ids begin with `only`, and what says whose store it is. Nothing where no versions are kept.
    """
    if archive.versions is None:
        return
    yield from _if_hidden(archive.versions, service_note(archive.versions))
    start = max(start, only)
    for bucket, prefix in KINDS:
        for found in takewhile(
            lambda one: one.case.startswith(only), found_in(archive, bucket, prefix, start=start)
        ):
            yield from _if_hidden(archive.versions, found)
    for index in hidden_indexes(archive.versions):
        case = names.parse_card_index(index.name).case
        if case >= start and case.startswith(only):
            yield index


def hidden_indexes(versions: Versioned, prefix: str = names.CARDS) -> Iterator[Hidden]:
    """Index objects that are hidden; they are sorted by card."""
    for name, group in groupby(versions.versions(Bucket.LEDGER, prefix), key=lambda one: one.name):
        if names.is_object(Bucket.LEDGER, name):
            first, last = ends(group)
            found = Found(case="", bucket=Bucket.LEDGER, name=name, first=first, last=last)
            yield from _if_hidden(versions, found)


def service_note(versions: Versioned) -> Found:
    """What there is of the object that says whose store it is."""
    listed = versions.versions(Bucket.LEDGER, names.SERVICE)
    first, last = ends(one for one in listed if one.name == names.SERVICE)
    return Found(case="", bucket=Bucket.LEDGER, name=names.SERVICE, first=first, last=last)


def restore(versions: Versioned, one: Hidden) -> None:
    """Make the first version's bytes the latest again; nothing goes. RefusedError `restore_forbidden`."""
    versions.restore(one.bucket, one.name, one.version)


def _if_hidden(versions: Versioned, found: Found) -> Iterator[Hidden]:
    one = hidden(versions, found)
    if one is not None:
        yield one


def _is_same(versions: Versioned, bucket: Bucket, one: ObjectVersion, other: ObjectVersion) -> bool:
    """Whether both hold the same bytes; they are read only where they are as long."""
    if one.data_length != other.data_length:
        return False
    return _digest(versions, bucket, one) == _digest(versions, bucket, other)


def _digest(versions: Versioned, bucket: Bucket, one: ObjectVersion) -> bytes:
    whole = hashlib.sha256()
    for chunk in versions.stream_version(bucket, one.name, one.version):
        whole.update(chunk)
    return whole.digest()
