"""A new key for a service: made beside the old one, noted in the store, and put in its place in one step.

Broken off anywhere, what is left is the old key in force or the new one: the last step is a rename. The old
key stays in `former`, since the cases under its card go on by it until their seats move them (L5).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import SetupError
from escrow.service.identity import FORMER, create_service_identity, load_service_identity
from escrow.store.canary import note_next
from escrow.store.interface import Store


def change_service_key(path: Path, store: Store) -> Card:
    """Put a new key in the place of the one in this file, which goes to `former` beside it.

    `store` takes the note that the new card is this service's too. SetupError `service_identity_*`, with
    `service_identity_of_another_store`, and `service_key_change_interrupted` (path) where another change is
    under way, or was broken off; UnavailableError of the store. Then all is as before.
    """
    old = load_service_identity(path)
    with _made_aside(path) as (aside, card):
        _keep_former(path, old)
        note_next(store, old.card.fingerprint, card.fingerprint)
        os.replace(aside, path)
    _settle(path.parent)
    return card


def replace_lost_key(path: Path, store: Store, lost: Card) -> Card:
    """A first key in this file, for the service whose key of this card is lost.

    SetupError `service_identity_exists` where there is one, and as `change_service_key`.
    """
    if path.exists():
        raise SetupError("service_identity_exists", path=str(path))
    with _made_aside(path) as (aside, card):
        note_next(store, lost.fingerprint, card.fingerprint)
        os.link(aside, path)  # never over another
        aside.unlink()
    _settle(path.parent)
    return card


@contextmanager
def _made_aside(path: Path) -> Iterator[tuple[Path, Card]]:
    """A new key in a file beside, which is gone again where it did not come to its place."""
    aside = path.with_name(f"{path.name}.next")
    try:
        card = create_service_identity(aside)
    except SetupError as error:
        if error.code == "service_identity_exists":
            raise SetupError("service_key_change_interrupted", path=str(aside)) from error
        raise
    try:
        _with_rights_of(path, aside)
        yield aside, card
    finally:
        aside.unlink(missing_ok=True)


def _keep_former(path: Path, old: Identity) -> None:
    """Whole or not at all; once more changes nothing."""
    folder = path.parent / FORMER
    target = folder / old.card.fingerprint
    aside = folder / f".{old.card.fingerprint}"
    with _writing(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        _with_rights_of(path, folder)
        aside.unlink(missing_ok=True)
    create_service_identity(aside, old)
    with _writing(folder):
        _with_rights_of(path, aside)
        os.replace(aside, target)
    _settle(folder)


def _with_rights_of(path: Path, made: Path) -> None:
    """Root changes the key of a service that runs as another user, who must be able to read it."""
    if os.geteuid() == 0 and path.exists():
        found = path.stat()
        os.chown(made, found.st_uid, found.st_gid)


def _settle(folder: Path) -> None:
    """Make what was renamed in this folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError("service_identity_unwritable", path=str(folder)) from error
