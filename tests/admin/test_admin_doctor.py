"""`escrow doctor` over a folder: each fault is made for real, and named with what to do; then all is well."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import build
from support.doctored import doctored
from support.machine import absent
from support.minio import free_port
from support.parties import SERVICE, party
from support.running import running

from escrow.service.new_key import change_service_key
from escrow.store import names
from escrow.store.canary import require_same_service
from escrow.store.changes import minute_of
from escrow.store.folder import FolderStore
from escrow.store.hooks import Hook, open_hook
from escrow.store.interface import Bucket
from escrow.webhooks.finding import LOOKED


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_setting_that_is_misspelt_is_the_only_finding(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('public_ulr = "https://escrow.example"\n')
    found = doctored(tmp_path, {"ESCROW_CONFIG": file})
    assert found.faults == ["setting_unknown"]
    assert len(found.all) == 1
    assert "public_ulr" in found.words("setting_unknown")


def test_convenor_that_is_no_card_is_a_fault(tmp_path: Path) -> None:
    assert doctored(tmp_path, convenors="nobody").faults == ["setting_malformed"]


def test_identity_that_others_may_read_is_a_fault_and_the_rest_is_asked(tmp_path: Path) -> None:
    doctored(tmp_path)
    (tmp_path / "service.key").chmod(0o644)
    found = doctored(tmp_path)
    assert found.faults == ["service_identity_exposed"]
    assert "chmod 600" in found.words("service_identity_exposed")
    assert "a taken name is not overwritten" in found.good("storage")


def test_store_of_another_service_is_a_fault(tmp_path: Path) -> None:
    require_same_service(FolderStore(tmp_path / "store"), party("another").card.fingerprint)
    found = doctored(tmp_path)
    assert found.faults == ["service_identity_of_another_store"]


def test_key_that_was_changed_is_this_store_s_own_and_the_former_one_is_told(tmp_path: Path) -> None:
    doctored(tmp_path)
    store = FolderStore(tmp_path / "store")
    require_same_service(store, SERVICE.card.fingerprint)
    change_service_key(tmp_path / "service.key", store)
    found = doctored(tmp_path)
    assert found.faults == []
    assert "this service's own" in found.good("identity")
    assert SERVICE.card.groups in found.good("identity")
    (former,) = (tmp_path / "former").iterdir()
    former.chmod(0o640)
    assert doctored(tmp_path).faults == ["service_identity_exposed"]


def test_nothing_is_left_but_what_a_start_writes_first(tmp_path: Path) -> None:
    FolderStore(tmp_path / "store").check()
    before = everything(tmp_path / "store")
    found = doctored(tmp_path)
    assert everything(tmp_path / "store") == before
    assert names.SERVICE not in [path.name for path in (tmp_path / "store/ledger").iterdir()]
    assert "nobody's yet" in found.good("identity")


def test_folder_of_another_user_is_a_fault_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    found = doctored(tmp_path)
    assert found.faults == ["doctor_other_user"]
    assert f"sudo -u '#{os.getuid()}'" in found.words("doctor_other_user")
    assert everything(tmp_path / "store") == []


def test_folder_that_everybody_may_write_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)
    assert doctored(tmp_path).faults == ["service_folder_exposed"]


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own: as `mount -o` says."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", folder], capture_output=True
    )
    if mounted.returncode != 0:
        absent("mounting", "run the tests of a full disk as root on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("small", ["size=1m,nr_inodes=100000"], indirect=True)
def test_full_disk_is_a_fault(small: Path) -> None:
    found = doctored(small)
    assert found.faults == ["doctor_disk_full"]
    with (small / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            pass
    found = doctored(small)
    assert found.faults == ["storage_full", "doctor_disk_full"]
    assert "Only 0 MiB are free" in found.words("doctor_disk_full")


@pytest.mark.parametrize("small", ["size=512m,nr_inodes=60"], indirect=True)
def test_disk_that_takes_no_more_files_is_a_fault(small: Path) -> None:
    found = doctored(small, upload_bytes=2**20)
    assert found.faults == ["doctor_inodes_gone"]
    assert "whatever room it has" in found.words("doctor_inodes_gone")


@pytest.mark.parametrize("small", ["size=512m,nr_inodes=100000"], indirect=True)
def test_disk_with_less_room_than_one_upload_is_a_warning(small: Path) -> None:
    found = doctored(small, upload_bytes=2**30)
    assert found.faults == []
    assert "doctor_disk_scarce" in found.warnings


def limited(number: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


def test_limit_of_open_files_below_what_a_busy_worker_needs_is_a_fault(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "escrow.cli"]
    subprocess.run([*command, "service", "init", tmp_path / "here"], check=True, capture_output=True)
    ran = subprocess.run(
        [*command, "doctor", tmp_path / "here"], capture_output=True, text=True, preexec_fn=limited(300)
    )
    assert ran.returncode == 8
    assert "FAULT    machine  A process may have 300 files open here" in ran.stdout
    assert "LimitNOFILE" in ran.stdout


def test_more_threads_than_memory_for_them_is_a_warning(tmp_path: Path) -> None:
    assert "doctor_memory_scarce" in doctored(tmp_path, workers=256, threads=256).warnings


@pytest.mark.usefixtures("roomy")
def test_service_that_does_not_run_is_no_fault(tmp_path: Path) -> None:
    found = doctored(tmp_path)
    assert found.faults == []
    assert found.warnings == ["doctor_url_unreachable"]


@pytest.mark.usefixtures("roomy")
def test_service_that_runs_well_has_nothing_to_mend(tmp_path: Path) -> None:
    port = free_port()
    own = {"bind": f"127.0.0.1:{port}", "public_url": f"http://127.0.0.1:{port}"}
    with running(tmp_path, **own):
        found = doctored(tmp_path, **own)
    assert found.faults == []
    assert found.warnings == []
    assert "it runs on" in found.good("service")
    assert "this service's card answers" in found.good("address")
    assert "the storage is this service's own" in found.good("identity")
    assert build.SERVICE.card.groups in found.good("identity")


def test_webhooks_that_nobody_delivers_or_no_longer_are_a_warning(tmp_path: Path) -> None:
    store, now = FolderStore(tmp_path / "store"), datetime.now(UTC)
    assert "nothing to deliver" in doctored(tmp_path, hooks_per_card=3).good("webhooks")
    hook = Hook(owner=SERVICE.card.fingerprint, id="1" * 32, url="https://a.example/", created=now)
    open_hook(store, hook)
    found = doctored(tmp_path, hooks_per_card=3)
    assert "doctor_webhooks_never" in found.warnings
    assert "escrow webhooks FOLDER" in found.words("doctor_webhooks_never")
    for ahead in (-timedelta(hours=3), timedelta(hours=3)):  # a note of a clock that was ahead says nothing
        store.create(Bucket.RECORDS, names.looked(minute_of(now + ahead)), LOOKED)
        found = doctored(tmp_path, hooks_per_card=3)
        assert "for 3 hours" in found.words("doctor_webhooks_silent")
    store.create(Bucket.RECORDS, names.looked(minute_of(now - timedelta(minutes=45))), LOOKED)
    found = doctored(tmp_path, hooks_per_card=3)
    assert "minutes ago" in found.good("webhooks")
    assert not [one for one in found.warnings if "webhooks" in one]
    assert doctored(tmp_path).good("webhooks") == ""  # they are not offered
