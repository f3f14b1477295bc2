"""The service's own key file. It signs entries, which are the receipts, and opens nothing.

One file, backed up, shared by all processes of the service; beside it, in the folder `former`, the keys that
it had before, as long as a case is signed for by them. Whoever has one can misdate entries and nothing more;
where it is lost, no case goes on until its seats have moved it to another (new_key.py).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import MalformedError, SetupError
from escrow.ledger.keys import ServiceKeys

MAX_FILE = 1024


FORMER = "former"
"""The folder beside the key file in which former keys lie, each in a file of its own."""


def create_service_identity(path: Path, identity: Identity | None = None) -> Card:
    """Write a new identity, or this one, into a new file of mode 0600.

    SetupError `service_identity_exists`, `service_identity_unwritable`.
    """
    identity = identity or Identity.generate()
    with writing(path):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise SetupError("service_identity_exists", path=str(path)) from error
        with gone_if_it_fails(path), os.fdopen(handle, "w") as file:
            file.write(identity.dump() + "\n")
            file.flush()
            os.fsync(file.fileno())
    return identity.card


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Rename OSError to SetupError `service_identity_unwritable` (path)."""
    try:
        yield
    except OSError as error:
        raise SetupError("service_identity_unwritable", path=str(path)) from error


@contextmanager
def gone_if_it_fails(path: Path) -> Iterator[None]:
    """Half a key is none. For who has made this file: another's is not to be removed."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def load_service_identity(path: Path) -> Identity:
    """SetupError `service_identity_unreadable`, `service_identity_exposed`, `service_identity_malformed`."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(MAX_FILE)
    except OSError as error:
        raise SetupError("service_identity_unreadable", path=str(path)) from error
    if mode & 0o077:
        raise SetupError("service_identity_exposed", path=str(path), mode=f"{mode:04o}")
    try:
        return Identity.load(raw.decode("ascii"))
    except (MalformedError, UnicodeDecodeError) as error:
        raise SetupError("service_identity_malformed", path=str(path)) from error


def load_service_keys(path: Path) -> ServiceKeys:
    """The key in this file, and those in `former` beside it. SetupError as `load_service_identity`."""
    current = load_service_identity(path)
    folder = path.parent / FORMER
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise SetupError("service_identity_unreadable", path=str(folder)) from error
    former = {one.card: one for one in (load_service_identity(folder / name) for name in names)}
    former.pop(current.card, None)
    return ServiceKeys(current, tuple(former.values()))
