"""A new key for a service: made beside the old one, noted in the store, and put in its place in one step.

Broken off anywhere, what is left is the old key in force or the new one: the last step is a rename. The file
aside keeps others from a change at the same time; which key is the old one is read once it is there. The old
key stays in `former`, since the cases under its card go on by it until their seats move them (L5).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import SetupError
from escrow.service.identity import (
    FORMER,
    create_service_identity,
    gone_if_it_fails,
    load_service_identity,
    writing,
)
from escrow.store.canary import note_next
from escrow.store.interface import Store


def change_service_key(path: Path, store: Store) -> Card:
    """Put a new key in the place of the one in this file, which goes to `former` beside it.

    `store` takes the note that the new card is this service's too. SetupError `service_identity_*`, with
    `service_identity_of_another_store`, and `service_key_change_interrupted` (path) where another change is
    under way, or was broken off; UnavailableError of the store. Then the old key is in force as before.
    SetupError `service_key_not_flushed`: the new one is.
    """
    with _alone(path) as (aside, card):
        old = load_service_identity(path)  # not before: another change may have come to its end
        _keep_former(path, old)
        note_next(store, old.card.fingerprint, card.fingerprint)
        os.replace(aside, path)
    _flush_changed(path)
    return card


def replace_lost_key(path: Path, store: Store, lost: Card) -> Card:
    """A first key in this file, for the service whose key of this card is lost.

    SetupError `service_identity_exists` where there is one, and as `change_service_key`.
    """
    with _alone(path) as (aside, card):
        if path.exists():
            raise SetupError("service_identity_exists", path=str(path))
        note_next(store, lost.fingerprint, card.fingerprint)
        try:
            os.link(aside, path)  # never over another
        except FileExistsError as error:
            raise SetupError("service_identity_exists", path=str(path)) from error
        aside.unlink()
    _flush_changed(path)
    return card


@contextmanager
def _alone(path: Path) -> Iterator[tuple[Path, Card]]:
    """A new key in a file aside, from where it goes to its place. While it is there nobody else begins."""
    aside = path.with_name(f"{path.name}.next")
    try:
        with _made(aside, path) as card:
            yield aside, card
    except SetupError as error:
        if error.code == "service_identity_exists" and error.fields["path"] == str(aside):
            raise SetupError("service_key_change_interrupted", path=str(aside)) from error
        raise


@contextmanager
def _made(aside: Path, like: Path, identity: Identity | None = None) -> Iterator[Card]:
    """A new key, or this one, in a file with the rights of `like`, gone where what follows fails."""
    card = create_service_identity(aside, identity)
    with gone_if_it_fails(aside), writing(like):
        _with_rights_of(like, aside)
        yield card


def _keep_former(path: Path, old: Identity) -> None:
    """Whole or not at all; once more changes nothing."""
    folder = path.parent / FORMER
    aside = folder / f".{old.card.fingerprint}"
    with writing(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        _with_rights_of(path, folder)
        aside.unlink(missing_ok=True)
        with _made(aside, path, old):
            os.replace(aside, folder / old.card.fingerprint)
        _flush(folder)


def _with_rights_of(path: Path, made: Path) -> None:
    """Root changes the key of a service that runs as another user, who must be able to read it."""
    if os.geteuid() == 0 and path.exists():
        found = path.stat()
        os.chown(made, found.st_uid, found.st_gid)


def _flush_changed(path: Path) -> None:
    try:
        _flush(path.parent)
    except OSError as error:
        raise SetupError("service_key_not_flushed", path=str(path)) from error


def _flush(folder: Path) -> None:
    """Make what was renamed in this folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
