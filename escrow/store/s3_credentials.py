"""The file that holds one S3 credential: JSON with `access_key` and `secret_key`, for its owner only."""

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from escrow.errors import SetupError

_LIMIT: Final = 4096
_KEYS: Final = {"access_key", "secret_key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What an S3 server knows somebody by."""

    access_key: str
    secret_key: str = field(repr=False)


def read_credentials(path: Path) -> Credentials:
    """SetupError, with the path: `credentials_unreadable` (reason), `credentials_exposed` (mode),
    `credentials_malformed`.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(_LIMIT)
    except OSError as error:
        raise SetupError("credentials_unreadable", path=str(path), reason=str(error.strerror)) from error
    if mode & 0o077:
        raise SetupError("credentials_exposed", path=str(path), mode=f"{mode:04o}")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != _KEYS or not all(_is_text(one) for one in found.values()):
        raise SetupError("credentials_malformed", path=str(path))
    return Credentials(**found)


def write_credentials(path: Path, credentials: Credentials) -> None:
    """A new file of mode 0600. FileExistsError and other OSErrors pass through."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"access_key": credentials.access_key, "secret_key": credentials.secret_key}, file)
        file.write("\n")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()
