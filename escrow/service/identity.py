"""The service's own key file. It signs entries, which are the receipts, and opens nothing.

One file, backed up, shared by all processes of the service. Whoever has it can misdate entries and nothing
more; whoever loses it can no longer serve its cases.
"""

import os
import stat
from pathlib import Path

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import MalformedError, SetupError

MAX_FILE = 1024


def create_service_identity(path: Path) -> Card:
    """Make a new identity in a new file of mode 0600.

    SetupError `service_identity_exists`, `service_identity_unwritable`.
    """
    identity = Identity.generate()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SetupError("service_identity_exists", path=str(path)) from error
    except OSError as error:
        raise SetupError("service_identity_unwritable", path=str(path)) from error
    with os.fdopen(handle, "w") as file:
        file.write(identity.dump() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return identity.card


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
