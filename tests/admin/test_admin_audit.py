"""What an audit of storage finds beside the ledger's own faults: publications, strange objects, other cases'
entries; and that it holds one case in memory, however many there are.
"""

import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support import build
from support.crowd import crowd, folder_put
from support.kept import CASE, GOLDEN, now, one

from escrow.admin.cases import replay
from escrow.admin.due import Standing
from escrow.admin.listings import Found
from escrow.admin.publications import publication_faults
from escrow.admin.release import publish
from escrow.admin.store_audit import audit_store
from escrow.crypto.identity import Identity
from escrow.errors import NotFoundError
from escrow.ledger.audit import AuditReport, Fault
from escrow.ledger.entry import MAX_ENTRY, Entry, compose
from escrow.model.ids import CaseId, Hash
from escrow.store import names
from escrow.store.interface import Bucket, ObjectVersion
from escrow.store.names import Released
from escrow.store.opening import Archive, open_archive


def reports(root: Path, **options: object) -> list[AuditReport]:
    with open_archive(root) as archive:
        return list(audit_store(archive, at=now(), **options))  # type: ignore[arg-type]


def faults(root: Path) -> list[Fault]:
    return [one for report in reports(root) for one in report.faults]


def warnings(root: Path) -> list[Fault]:
    return [one for report in reports(root) for one in report.warnings]


def codes(found: list[Fault]) -> list[str]:
    return [fault.code for fault in found]


# Whose cases


def test_case_that_a_thief_made_with_a_service_of_its_own_is_a_fault(root: Path) -> None:
    """It holds in itself: who may write to the ledger can make a whole one, and have it released."""
    mine = build.SERVICE.card.fingerprint
    (root / "ledger" / names.SERVICE).write_text(f"{mine}\n")
    (fault,) = faults(root)
    assert (fault.code, fault.fields["expected"]) == ("case_of_other_service", mine)


def test_case_under_a_later_card_of_the_service_is_its_own(root: Path) -> None:
    first = (root / "ledger" / names.SERVICE).read_text()
    (root / "ledger" / names.SERVICE).write_text(f"{build.SERVICE.card.fingerprint}\n")
    later = root / "ledger" / names.later_service(first.strip())
    later.parent.mkdir()
    later.write_text(first)
    assert faults(root) == []


def test_note_of_whose_store_it_is_that_is_none_makes_every_case_a_fault(root: Path) -> None:
    for junk in (b"\xff\x1b[2J", b"x" * 10_000, b""):
        (root / "ledger" / names.SERVICE).write_bytes(junk)
        assert codes(faults(root)) == ["case_of_other_service"]


def test_copy_that_does_not_say_whose_it_is_is_audited_without(root: Path) -> None:
    (root / "ledger" / names.SERVICE).unlink()
    assert codes(faults(root)) == []


# Publications


@pytest.fixture
def published(archive: Archive) -> Hash:
    """The request that is for everybody, published."""
    asked = one(archive, Standing.TO_PUBLISH)
    publish(archive, asked.case, asked.request, clock=now)
    return asked.request


def public(root: Path, request: Hash, item: Released, case: CaseId = CASE) -> Path:
    return root / "public" / names.released(case, request, item)


def moved(root: Path, request: Hash, *, case: CaseId = CASE, to: Hash) -> None:
    """The publication as it is, under another request of this or another case."""
    for item in Released:
        place = public(root, to, item, case)
        place.parent.mkdir(parents=True, exist_ok=True)
        public(root, request, item).rename(place)


def test_publication_that_the_ledger_shows_released_is_sound(root: Path, published: Hash) -> None:
    assert codes(faults(root)) == []
    assert codes(warnings(root)) == []


@pytest.mark.parametrize("item", Released)
def test_publication_that_differs_is_found(root: Path, published: Hash, item: Released) -> None:
    path = public(root, published, item)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    (found,) = faults(root)
    assert (found.code, found.fields["request"]) == ("publication_false", published)


def test_publication_with_an_object_missing_is_found(root: Path, published: Hash) -> None:
    public(root, published, Released.DOCUMENT).unlink()
    (found,) = faults(root)
    assert (found.code, found.fields["reason"]) == ("publication_false", "published_object_differs")
    assert found.fields["object"] == "document"


def test_publication_without_its_manifest_is_only_warned_of(root: Path, published: Hash) -> None:
    public(root, published, Released.MANIFEST).unlink()
    assert codes(faults(root)) == []
    assert codes(warnings(root)) == ["publication_incomplete"]


def test_document_of_a_request_that_is_for_a_named_reader_is_a_fault(
    archive: Archive, root: Path, published: Hash
) -> None:
    named = one(archive, Standing.TO_HAND).request
    path = public(root, named, Released.DOCUMENT)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"stolen")
    (found,) = faults(root)
    assert (found.code, found.fields["reason"]) == ("publication_not_released", "not_for_everybody")


def test_publication_under_a_request_that_nobody_made_is_a_fault(root: Path, published: Hash) -> None:
    moved(root, published, to="ab" * 32)
    (found,) = faults(root)
    assert (found.code, found.fields["reason"]) == ("publication_not_released", "request_unknown")


def test_publication_of_a_case_that_is_not_there_is_a_fault(root: Path, published: Hash) -> None:
    moved(root, published, case="ff" * 32, to=published)
    found = {report.case: codes(list(report.faults)) for report in reports(root)}
    assert found == {CASE: [], "ff" * 32: ["publication_without_ledger"]}


def test_publication_before_the_quorum_is_a_fault(root: Path, published: Hash, archive: Archive) -> None:
    """The same objects, and a ledger in which the last sign-off has not come."""
    with open_archive(root) as found:
        (report,) = audit_store(found, at=now())
        assert report.head is not None
        last = report.head.n
    for n in range(last, -1, -1):
        (root / "ledger" / names.entry(CASE, n)).unlink()
        left = [one for one in faults(root) if one.code.startswith("publication_")]
        if left:
            break
    assert [one.fields["reason"] for one in left] == ["not_released"]


def test_publication_that_another_history_bears_out_is_a_fault(
    archive: Archive, root: Path, published: Hash
) -> None:
    """It proves itself; but in the place of the last sign-off the ledger has another entry, also genuine."""
    released = replay(archive.store, CASE).requests[published].released_n
    assert released is not None
    for entry in (root / "ledger" / names.entries(CASE)).iterdir():
        if int(entry.name) > released:
            entry.unlink()
    service = Identity.load((GOLDEN / "operator/service/identity").read_text())
    path = root / "ledger" / names.entry(CASE, released)
    old = Entry.read(path.read_text(), service.card)
    later = old.received_at + timedelta(milliseconds=1)
    path.write_text(
        compose(service, case=CASE, n=old.n, prev=old.prev, received_at=later, statement=old.statement_raw)
    )
    assert [code for code in codes(faults(root)) if code.startswith("publication_")] == [
        "publication_of_other_ledger"
    ]


@pytest.mark.parametrize(("minutes", "told"), [(-6, ["publication_before_release"]), (-4, []), (1, [])])
def test_publication_that_lay_there_before_its_release_is_a_fault(
    archive: Archive, published: Hash, minutes: int, told: list[str]
) -> None:
    """As storage that keeps versions would date it."""
    state = replay(archive.store, CASE)
    released = state.requests[published].released_at
    assert released is not None
    first = ObjectVersion(
        name="", version="1", is_latest=True, written_at=released + timedelta(minutes=minutes), data_length=1
    )
    found = [
        Found(
            case=CASE,
            bucket=Bucket.PUBLIC,
            name=names.released(CASE, published, item),
            first=first,
            last=first,
        )
        for item in sorted(Released)
    ]
    assert [one.code for one, _ in publication_faults(archive.publisher, CASE, state, found)] == told


# Strange objects


def strange(root: Path) -> dict[str, str]:
    return {
        str(one.fields["object"]): str(one.fields["kind"])
        for one in (*warnings(root), *faults(root))
        if one.code == "object_foreign"
    }


def test_strange_files_of_a_copy_are_named_and_nothing_stops(root: Path) -> None:
    ledger, records = root / "ledger", root / "records"
    (ledger / "thumbs.db").write_bytes(b"x")
    (ledger / "cases" / CASE / "entries" / "12").write_bytes(b"x")
    (ledger / "cases" / CASE / "entries" / "0000000001.bak").write_bytes(b"x")
    (ledger / "cases" / "not-a-case").mkdir()
    (ledger / "cases" / "ab").symlink_to("/etc")
    os.mkfifo(records / "pipe")
    (records / os.fsdecode(b"\xff\xfe")).write_bytes(b"x")
    (records / "lost+found" / "deep").mkdir(parents=True)
    assert strange(root) == {
        "thumbs.db": "name",
        f"cases/{CASE}/entries/12": "name",
        f"cases/{CASE}/entries/0000000001.bak": "name",
        "cases/not-a-case/": "folder",
        "cases/ab": "link",
        "pipe": "special file",
        os.fsdecode(b"\xff\xfe"): "name",
        "lost+found/": "folder",
    }
    assert codes(faults(root)) == []


def test_strange_object_in_the_public_bucket_is_a_fault(root: Path) -> None:
    path = root / "public" / "index.html"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"<p>")
    (found,) = faults(root)
    assert (found.code, found.fields["object"]) == ("object_foreign", "index.html")


def test_canary_of_publishers_is_neither_a_case_nor_strange(root: Path) -> None:
    path = root / "public" / names.RELEASES_CANARY
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert [report.case for report in reports(root)] == [CASE]
    assert faults(root) == []


def test_working_files_of_a_living_store_are_not_strange(root: Path) -> None:
    upload = names.payload(CASE, "ab" * 16)
    for name in (names.part(upload, 1), names.retention(upload, build.START), f".aside/{'ab' * 16}"):
        path = root / "records" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert strange(root) == {}


def test_more_strange_files_than_one_report_holds_are_all_named(root: Path) -> None:
    for number in range(250):
        (root / "ledger" / f"strange{number}").write_bytes(b"")
    found = [report for report in reports(root) if report.case is None]
    assert [len(report.warnings) for report in found] == [100, 100, 50]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("kind", "damage", "code"),
    [
        ("payloads", cut, "payload_length_differs"),
        ("payloads", flip, "payload_changed"),
        ("payloads", Path.unlink, "payload_missing"),
        ("shares", cut, "share_object_swapped"),
        ("shares", Path.unlink, "share_object_missing"),
    ],
)
def test_object_of_a_copy_that_is_cut_changed_or_missing_is_found(
    root: Path, kind: str, damage: Callable[[Path], None], code: str
) -> None:
    damage(max(one for one in (root / "records" / kind).rglob("*") if one.is_file()))
    assert codes(faults(root)) == [code]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["entry", "payload", "share", "index"])
def test_pipe_in_the_place_of_an_object_is_told_and_not_waited_for(root: Path, kind: str) -> None:
    bucket, prefix, code = {
        "entry": ("ledger", "cases", "jws_malformed"),
        "payload": ("records", "payloads", "payload_unreadable"),
        "share": ("records", "shares", "share_object_swapped"),
        "index": ("ledger", "cards", "index_changed"),
    }[kind]
    path = max(one for one in (root / bucket / prefix).rglob("*") if one.is_file())
    path.unlink()
    os.mkfifo(path)
    assert codes(faults(root)) == [code]
    assert strange(root) == {str(path.relative_to(root / bucket)): "special file"}


def test_entry_of_100_mb_is_told_and_not_read(root: Path) -> None:
    entry = root / "ledger" / names.entry(CASE, 3)
    with entry.open("r+b") as file:
        file.truncate(100 * 1024 * 1024)
    tracemalloc.start()
    try:
        found = faults(root)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found[0].code, found[0].n) == ("entry_unreadable", 3)
    assert peak < 4 * MAX_ENTRY


# Several cases


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CaseId]]:
    """Six cases with a release each. Not to be changed."""
    root = tmp_path_factory.mktemp("many")
    return root, sorted(crowd(6, 12, *folder_put(root)))


def copy(root: Path, into: Path) -> Path:
    shutil.copytree(root, into)
    return into


def test_every_case_of_many_is_audited_in_order_and_is_sound(many: tuple[Path, list[CaseId]]) -> None:
    root, cases = many
    found = reports(root)
    assert [report.case for report in found] == cases
    assert [(report.entries, report.records, report.faults) for report in found] == [(12, 1, ())] * 6
    assert [one for report in found for one in report.warnings] == []


def test_two_cases_that_were_swapped_are_both_found(many: tuple[Path, list[CaseId]], tmp_path: Path) -> None:
    root, cases = copy(many[0], tmp_path / "copy"), many[1]
    one, other = (root / "ledger" / "cases" / case for case in cases[:2])
    one.rename(tmp_path / "aside")
    other.rename(one)
    (tmp_path / "aside").rename(other)
    found = {report.case: codes(list(report.faults)) for report in reports(root)}
    assert [found[case][0] for case in cases[:2]] == ["case_unexpected", "case_unexpected"]
    assert [found[case] for case in cases[2:]] == [[]] * 4


def test_entry_of_one_case_in_the_place_of_anothers_is_found(
    many: tuple[Path, list[CaseId]], tmp_path: Path
) -> None:
    root, cases = copy(many[0], tmp_path / "copy"), many[1]
    foreign = (root / "ledger" / names.entry(cases[1], 11)).read_bytes()
    (root / "ledger" / names.entry(cases[0], 11)).write_bytes(foreign)
    found = {report.case: codes(list(report.faults)) for report in reports(root)}
    assert [bool(found[case]) for case in cases] == [True, *[False] * 5]


def test_run_goes_on_from_the_case_where_another_was_interrupted(many: tuple[Path, list[CaseId]]) -> None:
    root, cases = many
    assert [report.case for report in reports(root, start=cases[3])] == cases[3:]
    assert [report.case for report in reports(root, start=cases[3][:12])] == cases[3:]


def test_one_case_of_many_is_audited_alone(many: tuple[Path, list[CaseId]]) -> None:
    root, cases = many
    assert [report.case for report in reports(root, only=cases[2][:16])] == [cases[2]]
    with pytest.raises(NotFoundError):
        reports(root, only="00ff00ff")


def test_case_that_only_index_objects_speak_of_is_told_once(
    many: tuple[Path, list[CaseId]], tmp_path: Path
) -> None:
    root = copy(many[0], tmp_path / "copy")
    for seat in ("one", "other"):
        path = root / "ledger" / names.card_index(build.party(seat).card.fingerprint, "ee" * 32)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    found = [report for report in reports(root) if report.case == "ee" * 32]
    assert [codes(list(report.warnings)) for report in found] == [["case_without_entries"]]


def test_progress_tells_every_case_and_every_entry(many: tuple[Path, list[CaseId]]) -> None:
    root, cases = many
    told: list[tuple[str, int]] = []
    reports(root, progress=lambda case, entries: told.append((case, entries)))
    assert told == [(case, n) for case in cases for n in range(13)]


# Memory


def peak_of_audit(reports: Iterator[AuditReport], *, keep: bool) -> int:
    """The most bytes that were held at once while these were made, and (`keep`) kept."""
    kept = []
    tracemalloc.start()
    try:
        for report in reports:
            kept.append(report if keep else None)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Few cases and many, all alike."""
    roots = tmp_path_factory.mktemp("few"), tmp_path_factory.mktemp("many")
    for root, count in zip(roots, (5, 60), strict=True):
        for _ in crowd(count, 12, *folder_put(root), payload_bytes=64):
            pass
    return roots


def test_memory_does_not_grow_with_the_number_of_cases(sizes: tuple[Path, Path]) -> None:
    def peak(root: Path) -> int:
        with open_archive(root) as archive:
            return peak_of_audit(audit_store(archive, at=now()), keep=False)

    peak(sizes[0])  # what is loaded at first use
    few, many = map(peak, sizes)
    assert many < 1.3 * few


def test_measure_of_memory_sees_one_that_keeps_every_case(
    sizes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever kept the states that it replayed would not pass the test above."""
    from escrow.admin import case_audit

    states = []
    honest = case_audit.audit

    def keeping(*args: object, **options: object) -> AuditReport:
        report = honest(*args, **options)  # type: ignore[arg-type]
        states.append(report.state)
        return report

    monkeypatch.setattr(case_audit, "audit", keeping)

    def peak(root: Path) -> int:
        states.clear()
        with open_archive(root) as archive:
            return peak_of_audit(audit_store(archive, at=now()), keep=False)

    few, many = map(peak, sizes)
    assert many > 2 * few
