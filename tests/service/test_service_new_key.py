"""The change of a service's key: two at once, broken off anywhere, a full disk. Refusals first."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import build
from support.machine import require_root
from support.refusals import refuses

from escrow.crypto.card import Card
from escrow.errors import EscrowError, SetupError
from escrow.service import new_key
from escrow.service.identity import create_service_identity, load_service_identity, load_service_keys
from escrow.service.new_key import change_service_key, replace_lost_key
from escrow.store.canary import require_same_service
from escrow.store.folder import FolderStore

Site = tuple[Path, FolderStore]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    path, store = tmp_path / "identity", FolderStore(tmp_path / "store")
    create_service_identity(path, build.SERVICE)
    store.check()
    return path, store


def test_change_keeps_the_old_key_for_its_owner_only_and_is_made_twice_as_well(
    site: Site,
) -> None:
    path, store = site
    first, second = change_service_key(path, store), change_service_key(path, store)
    keys = load_service_keys(path)
    assert keys.current.card == second
    assert {one.card for one in keys.former} == {build.SERVICE.card, first}
    files = [path, *(path.parent / "former").iterdir()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (path.parent / "former").stat().st_mode & 0o777 == 0o700


def test_lost_key_is_not_replaced_where_there_is_one(site: Site) -> None:
    path, store = site
    with refuses(SetupError, "service_identity_exists"):
        replace_lost_key(path, store, build.SERVICE.card)


def test_change_that_was_killed_half_way_is_said_and_not_gone_on_with(site: Site) -> None:
    path, store = site
    create_service_identity(path.with_name("identity.next"))
    with refuses(SetupError, "service_key_change_interrupted"):
        change_service_key(path, store)
    assert load_service_keys(path).former == ()


def cards(path: Path) -> set[Card]:
    keys = load_service_keys(path)
    return {keys.current.card, *(one.card for one in keys.former)}


@pytest.mark.parametrize("at", ["load_service_identity", "note_next"])
def test_second_change_at_once_is_refused_and_loses_no_key_whose_card_was_told(
    site: Site, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = site
    real: Callable[..., Any] = getattr(new_key, at)
    told: list[Card] = []

    def meanwhile(*given: Any) -> Any:
        found = real(*given)
        monkeypatch.setattr(new_key, at, real)
        with refuses(SetupError, "service_key_change_interrupted"):
            told.append(change_service_key(path, store))
        return found

    monkeypatch.setattr(new_key, at, meanwhile)
    told.append(change_service_key(path, store))
    assert {build.SERVICE.card, *told} == cards(path)


def test_change_that_another_has_begun_meanwhile_is_left_to_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has put its key in its place, and only flushes the folder; the other begins."""
    path, store = site
    other, real = path.with_name("identity.next"), os.replace

    def begins(made: Path, target: Path) -> None:
        real(made, target)
        if target == path:
            create_service_identity(other)

    monkeypatch.setattr(os, "replace", begins)
    change_service_key(path, store)
    assert other.exists()


def test_full_disk_is_told_and_leaves_the_old_key_alone_or_says_that_the_new_one_is_in_force(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try comes one flush further than the one before."""
    path, store = site
    require_same_service(store, build.SERVICE.card.fingerprint)
    real, codes = os.fsync, []

    def fails_at(last: int) -> Callable[[int], None]:
        left = iter(range(last, -1, -1))

        def full(handle: int) -> None:
            if next(left, -1) == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(handle)

        return full

    while load_service_identity(path).card == build.SERVICE.card:
        monkeypatch.setattr(os, "fsync", fails_at(len(codes)))
        with pytest.raises(EscrowError) as caught:
            change_service_key(path, FolderStore(path.parent / "store"))  # has flushed nothing yet
        codes.append(caught.value.code)
        found = {
            one.name
            for one in path.parent.rglob("*")
            if "identity" in one.name or one.parent.name == "former"
        }
        assert found <= {"identity", build.SERVICE.card.fingerprint}
    assert codes[:3] == ["service_identity_unwritable"] * 3
    assert set(codes[3:-1]) == {"storage_full"}
    assert codes[-1] == "service_key_not_flushed"
    monkeypatch.setattr(os, "fsync", real)
    assert change_service_key(path, store) in cards(path)


def test_key_that_somebody_brings_back_while_it_is_replaced_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = site
    path.unlink()
    real = new_key.note_next

    def copied_back(*given: Any) -> None:
        real(*given)
        create_service_identity(path, build.SERVICE)

    monkeypatch.setattr(new_key, "note_next", copied_back)
    with refuses(SetupError, "service_identity_exists"):
        replace_lost_key(path, store, build.SERVICE.card)
    assert cards(path) == {build.SERVICE.card}
    assert not path.with_name("identity.next").exists()


@pytest.mark.parametrize("breaks", ["create_service_identity", "note_next", "replace", "_flush"])
def test_change_broken_off_anywhere_leaves_the_old_key_in_force_or_the_new(
    site: Site, breaks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = site
    calls = 0

    def fails(*_: object) -> None:
        nonlocal calls
        calls += 1
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as now:
        now.setattr(new_key.os if breaks == "replace" else new_key, breaks, fails)
        with pytest.raises((OSError, SetupError)):
            change_service_key(path, store)
    assert calls == 1
    assert load_service_identity(path).card == build.SERVICE.card
    assert not path.with_name("identity.next").exists()
    new = change_service_key(path, store)
    assert load_service_keys(path).get(build.SERVICE.card) is not None
    assert load_service_identity(path).card == new


def test_key_changed_by_root_stays_readable_for_the_user_of_the_service(
    site: Site,
) -> None:
    require_root("another owner for a file")
    path, store = site
    os.chown(path, 12345, 12345)
    change_service_key(path, store)
    found = [path, path.parent / "former", *(path.parent / "former").iterdir()]
    assert {(one.stat().st_uid, one.stat().st_gid) for one in found} == {(12345, 12345)}
