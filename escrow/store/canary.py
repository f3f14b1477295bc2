"""What every start asks of a store: that a taken name stays taken, and that it is the store of this service.

Some S3 servers take a "create only if absent" and overwrite in silence. Two service processes on such a
server would both believe that they wrote entry n. So every start tries to overwrite one fixed object in every
bucket, and a service whose store lets that happen refuses to start.

Cases pin the card of their service, so under another identity every case would look damaged. A store is
therefore noted as its first service's, and every other refuses to start on it. Who changes the service's key
has the new card noted beside (`note_next`). This is against mistakes of configuration: whoever can write
these names is believed.
"""

from typing import Final

from escrow.errors import NotFoundError, SetupError, TooLargeError, UnavailableError
from escrow.store import names
from escrow.store.interface import Bucket, Outcome, Store

FIRST: Final = b"escrow canary: the first write stays\n"
SECOND: Final = b"escrow canary: a second write got through\n"


def require_create_only(store: Store) -> None:
    """Try to overwrite the canary of every bucket. SetupError "store_not_create_only" (bucket).

    A full disk cannot be asked. Where an earlier start asked it, that will do, so that all can still be read.
    """
    for bucket in Bucket:
        asked_before = _read(store, bucket, names.CANARY) == FIRST
        try:
            if not asked_before:
                store.create(bucket, names.CANARY, FIRST)
            second = store.create(bucket, names.CANARY, SECOND)
        except UnavailableError as error:
            if asked_before and error.code == "storage_full":
                continue
            raise
        if second is not Outcome.ALREADY_OTHER or _read(store, bucket, names.CANARY) != FIRST:
            raise SetupError("store_not_create_only", bucket=bucket.value)


def require_same_service(store: Store, fingerprint: str) -> None:
    """Note whose store this is, at the first start.

    SetupError "service_identity_of_another_store" (expected, found) for every card that is not noted at later
    ones.
    """
    found = owner(store)
    if found is None:
        store.create(Bucket.LEDGER, names.SERVICE, f"{fingerprint}\n".encode("ascii"))
        found = owner(store)
    if not is_noted(store, fingerprint):
        raise SetupError("service_identity_of_another_store", expected=found or "", found=fingerprint)


def note_next(store: Store, former: str, following: str) -> None:
    """Note that the service of the card `former` has the card `following` from now on, too.

    Where nobody has started on the store yet it is noted as that of `former`: a process that has loaded that
    key may start after the change. That comes last, so that a credential without the right to note a card
    makes it nobody's. SetupError "service_identity_of_another_store" where `former` is not noted.
    """
    if owner(store) is not None:
        require_same_service(store, former)
    store.create(Bucket.LEDGER, names.later_service(following), f"{following}\n".encode("ascii"))
    require_same_service(store, former)


def is_noted(store: Store, fingerprint: str) -> bool:
    """Whether this is a card of the service whose store it is, its first or a later one."""
    if owner(store) == fingerprint:
        return True
    return _read(store, Bucket.LEDGER, names.later_service(fingerprint)) == f"{fingerprint}\n".encode("ascii")


def owner(store: Store) -> str | None:
    """The fingerprint of the service's first card; None before its first start. Writes nothing."""
    found = _read(store, Bucket.LEDGER, names.SERVICE)
    return None if found is None else found.decode("ascii", "replace").removesuffix("\n")


def _read(store: Store, bucket: Bucket, name: str) -> bytes | None:
    """None where there is nothing, or nothing of ours."""
    try:
        return store.get(bucket, name, limit=100)
    except (NotFoundError, TooLargeError):
        return None
