"""`escrow audit FOLDER` over what the service wrote: every damage is found, and none hides another."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import build
from support.office import Office

from escrow.admin.store_audit import audit_store
from escrow.cli.app import App
from escrow.cli.main import cli
from escrow.errors import NotFoundError
from escrow.ledger.audit import AuditReport
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.statement import Head
from escrow.store import names
from escrow.store.opening import open_archive

ARBITRATOR, MEDIATOR = build.party("arbitrator"), build.SEATS["mediator"]


def _audited(root: Path, only: str | None, **given: object) -> list[AuditReport]:
    with open_archive(root) as archive:
        return list(audit_store(archive, only, **given))  # type: ignore[arg-type]


class Kept:
    """A stopped service's folder: one case with a released record, another with a deposit."""

    def __init__(self, folder: Path) -> None:
        office = Office(folder)
        self.root = folder / "store"
        self.case, self.other = office.accepted(), office.case().open(build.charter(public_notice="other"))
        self.record = office.deposited(self.case)
        self.request = self.case.request(self.record, "settlement", ARBITRATOR)
        self.case.sign_off(self.request, "claimant", "respondent")
        self.head: Head = self.case.state.head
        self.shares = next(iter(self.case.state.requests[self.request].sign_offs.values()))[0].shares
        self.upload = self.case.state.records[self.record].body.payload.upload
        self.until = office.clock() + timedelta(days=build.charter().retention_days)

    def ledger(self, name: str) -> Path:
        return self.root / "ledger" / name

    def records(self, name: str) -> Path:
        return self.root / "records" / name

    def entry(self, n: int) -> Path:
        return self.ledger(names.entry(self.case.id, n))

    def audit(self, **options: object) -> dict[str, AuditReport]:
        given = {"at": build.START} | options
        return {str(it.case): it for it in _audited(self.root, None, **given)}  # type: ignore[arg-type]

    def faults(self, **options: object) -> list[str]:
        """Of the first case; the other must be sound whatever happened to the first."""
        found = self.audit(**options)
        assert not found[self.other.id].faults
        return [fault.code for fault in found[self.case.id].faults]

    def warnings(self) -> list[str]:
        return [one.code for it in self.audit().values() for one in it.warnings]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def overlong(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(MAX_ENTRY + 1)


Damage = Callable[[Path], None]


def test_store_that_is_sound_has_neither_fault_nor_warning(kept: Kept) -> None:
    assert kept.faults() == []
    assert kept.warnings() == []


@pytest.mark.parametrize("who", [MEDIATOR, build.CONVENOR, ARBITRATOR], ids=["seat", "convenor", "reader"])
def test_index_object_that_is_lost_is_found(kept: Kept, who: build.Identity) -> None:
    kept.ledger(names.card_index(who.card.fingerprint, kept.case.id)).unlink()
    report = kept.audit()[kept.case.id]
    assert [(fault.code, fault.fields["card"]) for fault in report.faults] == [
        ("index_missing", who.card.fingerprint)
    ]
    assert report.faults[0].n == (kept.case.state.requests[kept.request].n if who is ARBITRATOR else 0)


@pytest.mark.parametrize("data", [b"", b"escrow.card-index.v2\n", b"escrow.card-index.v1\nx"])
def test_index_object_with_other_bytes_is_found(kept: Kept, data: bytes) -> None:
    kept.ledger(names.card_index(MEDIATOR.card.fingerprint, kept.case.id)).write_bytes(data)
    assert kept.faults() == ["index_changed"]


@pytest.mark.parametrize("damage", [folder_instead, link_instead])
@pytest.mark.parametrize("kind", ["index", "share", "payload"])
def test_object_that_cannot_be_read_is_reported_and_the_audit_goes_on(
    kept: Kept, kind: str, damage: Damage
) -> None:
    path, code = {
        "index": (kept.ledger(names.card_index(MEDIATOR.card.fingerprint, kept.case.id)), "index_unreadable"),
        "share": (kept.records(names.share(kept.case.id, kept.shares)), "share_object_unreadable"),
        "payload": (kept.records(names.payload(kept.case.id, kept.upload)), "payload_unreadable"),
    }[kind]
    damage(path)
    assert kept.faults() == [code]


@pytest.mark.parametrize("damage", [folder_instead, link_instead, overlong])
def test_entry_that_cannot_be_read_is_reported_and_later_ones_are_checked(kept: Kept, damage: Damage) -> None:
    n = kept.case.state.requests[kept.request].n + 1  # a sign-off, which no later entry refers to
    damage(kept.entry(n))
    report = kept.audit()[kept.case.id]
    code = "entries_missing" if damage is folder_instead else "entry_unreadable"
    assert [(fault.code, fault.n) for fault in report.faults] == [(code, n)]
    assert report.head == kept.head


def test_first_entry_that_cannot_be_read_does_not_hide_the_other_case(kept: Kept) -> None:
    overlong(kept.entry(0))
    found = _audited(kept.root, None, at=build.START)
    assert sorted(it.case or "" for it in found) == sorted([kept.case.id, kept.other.id])
    assert {it.case: [fault.code for fault in it.faults] for it in found} == {
        kept.case.id: ["entry_unreadable", "audit_without_anchor"],
        kept.other.id: [],
    }


def test_case_whose_entries_are_gone_is_not_passed_over_in_silence(kept: Kept) -> None:
    shutil.rmtree(kept.entry(0).parent.parent)
    report = kept.audit()[kept.case.id]
    assert report.faults == ()
    assert [one.code for one in report.warnings] == ["case_without_entries"]


def test_remembered_case_whose_entries_are_gone_is_a_fault(kept: Kept) -> None:
    shutil.rmtree(kept.entry(0).parent.parent)
    assert kept.faults(known={kept.case.id: kept.head}) == ["case_without_entries"]


def test_remembered_case_of_which_nothing_is_left_is_a_fault(kept: Kept) -> None:
    gone = "ab" * 32
    report = kept.audit(known={gone: Head(n=3, hash="cd" * 32)})[gone]
    assert [(fault.code, fault.n) for fault in report.faults] == [("case_without_entries", 3)]


def test_ledger_that_ends_before_the_remembered_head_is_found(kept: Kept) -> None:
    kept.entry(kept.head.n).unlink()
    assert kept.faults() == []
    assert kept.faults(known={kept.case.id: kept.head}) == ["ledger_rolled_back"]


def test_ledger_with_another_entry_than_the_remembered_one_is_found(kept: Kept) -> None:
    assert kept.faults(known={kept.case.id: Head(n=2, hash="cd" * 32)}) == ["ledger_forked"]


def test_payload_that_may_be_deleted_too_early_is_warned_of(kept: Kept) -> None:
    marks = kept.records(names.retention_folder(names.payload(kept.case.id, kept.upload)))
    last = max(marks.iterdir())
    last.unlink()
    report = kept.audit()[kept.case.id]
    assert report.faults == ()
    assert [(one.code, one.fields["record"]) for one in report.warnings] == [("retention_short", kept.record)]
    shutil.rmtree(marks)
    assert kept.warnings() == ["retention_short"]
    late = kept.audit(at=kept.until)[kept.case.id]
    assert late.warnings == ()


def test_case_that_is_not_there_is_unknown(kept: Kept) -> None:
    with pytest.raises(NotFoundError) as caught:
        _audited(kept.root, "00ff", at=build.START)
    assert caught.value.code == "case_unknown"


def test_remembered_head_is_given_on_the_command_line(kept: Kept, tmp_path: Path) -> None:
    known = f"{kept.case.id}:{kept.head.n}:{kept.head.hash}"
    assert typed(tmp_path, kept, "--known", known).exit_code == 0
    kept.entry(kept.head.n).unlink()
    assert typed(tmp_path, kept).exit_code == 0
    result = typed(tmp_path, kept, "--known", known)
    assert result.exit_code == 5
    assert "ledger_rolled_back" in result.stderr


@pytest.mark.parametrize("known", ["", "abc:1:def", f"{'ab' * 32}:x:{'ab' * 32}"])
def test_remembered_head_that_is_none_is_wrong_usage(kept: Kept, tmp_path: Path, known: str) -> None:
    assert typed(tmp_path, kept, "--known", known).exit_code == 2


def typed(folder: Path, kept: Kept, *args: str) -> Result:
    app = App(home=folder / "home", clock=build.Clock())
    return CliRunner().invoke(cli, ["audit", str(kept.root), *args], obj=app)
