"""What a sweep must never touch, and what it removes. Who comes in between: test_admin_sweep_races.py."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.kept import CASE, now
from support.leftovers import (
    DATA,
    OWNER,
    files,
    grow_old,
    leftovers,
    objects_of,
    sweep,
    upload,
)
from support.refusals import refuses

from escrow.admin.old_messages import old_messages
from escrow.admin.remains import Remainder
from escrow.admin.sweep import LeftAlone, Leftover, Short, find_short, find_stale, mend
from escrow.errors import EscrowError, MalformedError, RefusedError, SetupError
from escrow.store import names
from escrow.store.changes import CHANGE, minute_of
from escrow.store.hooks import Closed, Ending, Hook, close_hook, listed, open_hook
from escrow.store.interface import Bucket
from escrow.store.opening import Archive

SCRIPT = Path(__file__).parents[2] / "scripts/sweep.py"
OTHER_CASE = "0" * 64
SOME_LEFT = 9


def script(root: Path, *args: str, status: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--store", str(root), *args],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


def test_what_entries_name_stays_however_old_and_whatever_their_term(archive: Archive, root: Path) -> None:
    for path in (root / "records").rglob("*"):
        os.utime(path, (0, 0))
    shutil.rmtree(root / "records/retention")
    before = files(root)
    assert sweep(archive) == []
    assert files(root) == before


def plant_snapshots(root: Path, form: str, count: int) -> list[str]:
    found = [names.snapshot(CASE, form, 128 * (number + 1)) for number in range(count)]
    for name in found:
        path = root / "records" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a snapshot")
    return found


def test_newest_two_snapshots_of_each_form_stay_and_the_others_go(archive: Archive, root: Path) -> None:
    before = files(root)
    planted = [plant_snapshots(root, form, count) for form, count in (("a" * 16, 4), ("b" * 16, 1))]
    out, _ = script(root)
    assert f"would remove    snapshots    {CASE[:12]}  2" in out
    assert [archive.store.names(Bucket.RECORDS, names.snapshots(CASE))] == [planted[0] + planted[1]]
    out, _ = script(root, "--yes", "--json")
    assert json.loads(out) == {"deed": "removed", "case": CASE, "what": "snapshots", "count": 2}
    assert archive.store.names(Bucket.RECORDS, names.snapshots(CASE)) == planted[0][2:] + planted[1]
    assert before.items() <= files(root).items()
    assert script(root, "--yes")[0] == ""


def test_mending_removes_no_snapshot(archive: Archive, root: Path) -> None:
    planted = plant_snapshots(root, "a" * 16, 5)
    script(root, "--mend", "--yes")
    assert archive.store.names(Bucket.RECORDS, names.snapshots(CASE)) == planted


def test_upload_of_yesterday_stays(archive: Archive, root: Path) -> None:
    grow_old(root, upload(archive.store, 1), days=1)
    grow_old(root, upload(archive.store, 2, whole=True), days=1)
    assert sweep(archive) == []


def test_old_upload_that_was_completed_today_stays(archive: Archive, root: Path) -> None:
    name = upload(archive.store, 1)
    grow_old(root, name)
    archive.store.complete_upload(name)
    assert sweep(archive) == []


def test_payload_stays_while_it_is_retained_and_for_as_long_after_it_as_any_upload(
    archive: Archive, root: Path
) -> None:
    for number, days in ((1, 1), (2, -1), (3, -8)):
        name = upload(archive.store, number, whole=True)
        archive.store.retain(name, now() + timedelta(days=days))
        grow_old(root, name, days=30)
    assert [one.upload for one in sweep(archive)] == [f"{3:032x}"]


def test_dry_run_changes_nothing(archive: Archive, root: Path) -> None:
    grow_old(root, upload(archive.store, 1, whole=True))
    before = files(root)
    out, words = script(root)
    assert out.startswith("would remove")
    assert "nothing was changed" in words
    assert files(root) == before


@pytest.mark.parametrize("damage", ["not an entry", "a gap"])
def test_case_that_does_not_replay_is_left_alone_and_named_and_others_are_swept(
    archive: Archive, root: Path, damage: str
) -> None:
    name = upload(archive.store, 1, whole=True)
    other = upload(archive.store, 2, case=OTHER_CASE, whole=True)
    grow_old(root, name)
    grow_old(root, other)
    entry = root / "ledger" / names.entry(CASE, 3)
    entry.unlink() if damage == "a gap" else entry.write_bytes(b"not an entry")
    before = {path: data for path, data in files(root).items() if OTHER_CASE not in path}
    found = list(find_stale(archive, clock=now))
    assert [one.case for one in found if isinstance(one, LeftAlone)] == [CASE]
    out, _ = script(root, "--yes", "--json", status=SOME_LEFT)
    told = [json.loads(line) for line in out.splitlines()]
    assert [(one["deed"], one["case"]) for one in told] == [("removed", OTHER_CASE), ("failed", CASE)]
    assert files(root) == before


def test_upload_whose_plan_is_damaged_is_left_alone_and_named(archive: Archive, root: Path) -> None:
    names_of = [upload(archive.store, number) for number in (1, 2)]
    (root / "records" / names.upload_plan(names_of[0])).write_bytes(b"{")
    for name in names_of:
        grow_old(root, name)
    found = list(find_stale(archive, clock=now))
    assert [one.upload for one in found if isinstance(one, LeftAlone)] == [f"{1:032x}"]
    assert [one.remains.upload for one in found if isinstance(one, Leftover)] == [f"{2:032x}"]


def test_clock_that_is_off_by_a_day_sweeps_nothing(archive: Archive, root: Path) -> None:
    grow_old(root, upload(archive.store, 1))
    for find in (find_stale, find_short):
        with refuses(SetupError, "clocks_differ"):
            list(find(archive, clock=lambda: now() + timedelta(days=1)))


def test_storage_that_does_not_answer_ends_the_run(tmp_path: Path) -> None:
    credentials = tmp_path / "sweep.json"
    credentials.touch(mode=0o600)
    credentials.write_text('{"access_key": "nobody", "secret_key": "nothing-at-all"}')
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--yes"], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "ESCROW_S3_ENDPOINT": "http://127.0.0.1:9",
             "ESCROW_S3_BUCKETS": "escrow", "ESCROW_S3_CREDENTIALS": str(credentials)},
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("whole", [False, True])
def test_upload_that_was_given_up_goes_with_all_its_notes(archive: Archive, root: Path, whole: bool) -> None:
    before = files(root)
    name = upload(archive.store, 1, whole=whole)
    grow_old(root, name)
    (removed,) = sweep(archive)
    assert removed.what is (Remainder.PAYLOAD if whole else Remainder.OPEN)
    assert (removed.length, removed.owner) == (len(DATA), OWNER)
    assert files(root) == before
    assert sweep(archive) == []


@pytest.mark.parametrize("whole", [False, True])
def test_upload_in_a_case_without_entries_goes_by_the_same_days(
    archive: Archive, root: Path, whole: bool
) -> None:
    before = files(root)
    young = upload(archive.store, 1, case=OTHER_CASE, whole=whole)
    assert sweep(archive) == []
    grow_old(root, young)
    assert len(sweep(archive)) == 1
    assert files(root) == before


@pytest.mark.parametrize("left", range(1, 16))
def test_whatever_a_crash_left_of_an_upload_is_found(archive: Archive, root: Path, left: int) -> None:
    """Every choice of the four objects: whoever crashed, service or sweep, in whatever order."""
    before = files(root)
    name = upload(archive.store, 1, whole=True)
    for bit, one in enumerate(objects_of(name)):
        if not left & (1 << bit):
            (root / "records" / one).unlink()
    grow_old(root, name)
    sweep(archive)
    sweep(archive)  # where no plan says who announced it, that is found when the rest is gone
    assert files(root) == before


def test_share_or_entry_cannot_be_discarded_at_all(archive: Archive) -> None:
    for name in (names.share(CASE, "ab" * 32), names.entry(CASE, 0), names.CANARY):
        with refuses(MalformedError, "object_name_malformed"):
            archive.sweeper.discard(name)


def test_retained_payload_cannot_be_discarded(archive: Archive) -> None:
    name = upload(archive.store, 1, whole=True)
    archive.store.retain(name, now() + timedelta(days=1))
    with refuses(RefusedError, "object_retained"):
        archive.sweeper.discard(name)


def test_retention_that_is_long_enough_is_left_alone(archive: Archive) -> None:
    for one in list(find_short(archive, clock=now)):
        assert isinstance(one, Short)
        mend(archive, one)
    assert list(find_short(archive, clock=now)) == []


def test_extension_that_a_crash_left_out_is_made_up_for(archive: Archive, root: Path) -> None:
    shutil.rmtree(root / "records/retention")
    found = [one for one in find_short(archive, clock=now) if isinstance(one, Short)]
    assert len(found) == len(list((root / "records/payloads").rglob("*/*")))
    out, _ = script(root, "--mend")
    assert out.count("would lengthen") == len(found)
    assert not (root / "records/retention").exists()
    out, _ = script(root, "--mend", "--yes")
    assert out.count("lengthened") == len(found)
    for one in found:
        until = archive.store.retention(names.payload(one.case, one.upload))
        assert until is not None
        assert until >= one.until
    assert script(root, "--mend", "--yes")[0] == ""


def test_log_tells_each_deed_once(archive: Archive, root: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        grow_old(root, upload(archive.store, number, whole=True))
    log = tmp_path / "swept.jsonl"
    script(root, "--yes", "--log", str(log))
    script(root, "--yes", "--log", str(log))
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["deed"], one["upload"], one["length"]) for one in told] == [
        ("removed", f"{number:032x}", len(DATA)) for number in (1, 2)
    ]


def test_discarding_what_is_not_there_is_no_error(archive: Archive, root: Path) -> None:
    before = files(root)
    name = names.payload(CASE, f"{9:032x}")
    archive.sweeper.discard_upload(name)
    for one in objects_of(name):
        archive.sweeper.discard(one)
    assert files(root) == before
    with pytest.raises(EscrowError):
        archive.sweeper.written_at(Bucket.RECORDS, name)
    assert list(leftovers(archive)) == []


def message(days: int, hook: str = "a" * 32, **tries: int) -> list[str]:
    """A message of an entry so many days ago, and tries so many days ago: their names."""
    at = minute_of(now() - timedelta(days=days))
    place = names.OutboxName(fingerprint="f" * 64, hook=hook, minute=at, message=f"{days:064x}")
    marks = [
        replace(place, what=names.Sent(what), at=minute_of(now() - timedelta(days=ago)))
        for what, ago in tries.items()
    ]
    return [names.outbox(one) for one in (place, *marks)]


def test_messages_go_a_month_after_their_end_and_one_that_waits_never(archive: Archive, root: Path) -> None:
    hook = Hook(owner="f" * 64, id="a" * 32, url="https://a.example/", created=now().replace(microsecond=0))
    open_hook(archive.store, hook)
    waits, fails = message(400), message(60, failed=31)
    delivered, fresh, orphan = (
        message(50, delivered=31),
        message(29, delivered=29),
        message(31, hook="b" * 32),
    )
    for name in (*waits, *fails, *delivered, *fresh, *orphan, *map(names.looked, (1, 2, 3))):
        archive.store.create(Bucket.RECORDS, name, b"x")
    assert "would remove    4 objects of webhooks" in script(root)[0]
    order = list(old_messages(archive, clock=now))
    assert order.index(delivered[0]) < order.index(delivered[1])
    assert "removed         4 objects of webhooks" in script(root, "--yes")[0]
    assert archive.store.names(Bucket.RECORDS, names.OUTBOX) == sorted([*waits, *fails, *fresh])
    assert archive.store.names(Bucket.RECORDS, names.LOOKED) == [names.looked(2), names.looked(3)]


def test_closed_hook_goes_after_a_month_and_not_before(archive: Archive, root: Path) -> None:
    hook = Hook(owner="f" * 64, id="a" * 32, url="https://a.example/", created=now().replace(microsecond=0))
    open_hook(archive.store, hook)
    close_hook(archive.store, hook.owner, hook.id, Closed(at=hook.created, why=Ending.REMOVED))
    assert "Nothing to do" in script(root, "--yes")[1]
    path = root / "records" / names.hook_closed(hook.owner, hook.id)
    old = (now() - timedelta(days=31)).timestamp()
    os.utime(path, (old, old))
    assert "removed         2 objects of webhooks" in script(root, "--yes")[0]
    assert listed(archive.store, names.HOOKS) == {}


def test_changes_go_after_ninety_days_and_no_sooner(archive: Archive, root: Path) -> None:
    there = [
        names.change(minute_of(now() - timedelta(days=days, minutes=minutes)), CASE)
        for days, minutes in ((0, 0), (89, 0), (89, 1435), (90, 5), (400, 0))
    ]
    for name in there:
        archive.store.create(Bucket.RECORDS, name, CHANGE)
    before = files(root)
    assert "would remove    2 changes" in script(root)[0]
    assert files(root) == before
    assert "removed         2 changes" in script(root, "--yes")[0]
    assert archive.store.names(Bucket.RECORDS, names.CHANGES) == sorted(there[:3])
    assert set(before) - set(files(root)) == {f"records/{name}" for name in there[3:]}
    assert len(list((root / "records/changes").iterdir())) == 3  # folders of minutes go with the last change
    assert "Nothing to do" in script(root, "--yes")[1]
