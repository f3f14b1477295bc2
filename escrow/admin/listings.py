"""List what lies in a store, page by page: memory does not grow with a bucket.

`case_ids` finds the cases of a bucket without reading all names of each; `found_in` gives every object of a
kind, with what the store keeps of its earlier versions, in order of the cases' ids.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from escrow.model.ids import CaseId
from escrow.store import names
from escrow.store.interface import Bucket, ObjectVersion, Store
from escrow.store.listing import every_name
from escrow.store.opening import Archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object of a case. `first` and `last`: the first version with bytes, and the last of any kind.

    Both None where the store keeps no versions; `first` None where nothing but a marker is left.
    """

    case: CaseId
    bucket: Bucket
    name: str
    first: ObjectVersion | None = None
    last: ObjectVersion | None = None


def case_ids(store: Store, bucket: Bucket, prefix: str, *, start: CaseId = "") -> Iterator[CaseId]:
    """The cases under a prefix whose next folder is a case's, from `start` (or what begins so) on, in order.

    One call for a page, or for a case that is longer than one.
    """
    last, after = "", prefix + start
    while page := store.names(bucket, prefix, after=after):
        for name in page:
            case = _case_of(name, prefix)
            if case != last:
                yield case
            last = case
        after = names.after_folder(f"{prefix}{last}/")


def found_in(archive: Archive, bucket: Bucket, prefix: str, *, start: CaseId = "") -> Iterator[Found]:
    """Every object under such a prefix, also one that was deleted where its versions are kept."""
    after = prefix + start
    if archive.versions is None:
        for name in every_name(archive.store, bucket, prefix, after=after):
            if _is_of_case(name, prefix):
                yield Found(case=_case_of(name, prefix), bucket=bucket, name=name)
        return
    listed = archive.versions.versions(bucket, prefix, after=after)
    for name, versions in groupby(listed, key=lambda one: one.name):
        if names.is_object(bucket, name) and _is_of_case(name, prefix):
            first, last = ends(versions)
            yield Found(case=_case_of(name, prefix), bucket=bucket, name=name, first=first, last=last)


def ends(versions: Iterator[ObjectVersion]) -> tuple[ObjectVersion | None, ObjectVersion | None]:
    """The first version with bytes, and the last of any kind, of one object's, oldest first."""
    first = last = None
    for one in versions:
        first, last = (one if first is None and one.data_length is not None else first), one
    return first, last


def _case_of(name: str, prefix: str) -> CaseId:
    return name[len(prefix) :].partition("/")[0]


def _is_of_case(name: str, prefix: str) -> bool:
    """Beside the cases' folders may lie an object of none, such as a canary."""
    return "/" in name[len(prefix) :]
