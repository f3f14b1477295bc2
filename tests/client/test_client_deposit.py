"""Deposits: what never touches the disk, what an interruption leaves, what is sent twice."""

import stat
from pathlib import Path
from typing import Any

import pytest
from client.honest import HonestCourier, World, courier_of
from support.build import START, party
from support.refusals import refuses

from escrow.client import PathChoice, Posting, Stage, make_ticket, open_release
from escrow.client import sealing as sealing_room
from escrow.client import uploading as uploading_room
from escrow.crypto import payload
from escrow.errors import MalformedError, NotFoundError, RefusedError, SetupError, UnavailableError
from escrow.model import sealing as dealing_room

SETTLEMENT = (PathChoice(name="settlement"),)


class LineBrokenError(Exception):
    """Something that stops a program: no error of ours."""


def stop(*_: Any, **__: Any) -> Any:
    raise LineBrokenError


def words(**changed: Any) -> dict[str, Any]:
    return {"title": "Title", "label": "Label"} | changed


def test_record_key_and_p_are_never_written_to_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case, people = world.accepted()
    drawn: list[bytes] = []

    def watched() -> bytes:
        drawn.append(payload.new_key())
        return drawn[-1]

    true_seal = dealing_room.seal_path

    def watched_path(*args: Any) -> Any:
        sealed, secrets = true_seal(*args)
        drawn.extend([secrets.p, secrets.e.encode()])
        return sealed, secrets

    monkeypatch.setattr(sealing_room, "new_key", watched)
    monkeypatch.setattr(dealing_room, "seal_path", watched_path)
    courier_of(people["claimant"]).lies["post"] = stop
    with pytest.raises(LineBrokenError):
        people["claimant"].deposit(case, world.document(), SETTLEMENT, **words())
    assert len(drawn) == 3
    from escrow.model.wire import to_base64

    for path in (world.folder / "claimant").rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            for secret in drawn:
                assert secret not in raw
                assert to_base64(secret).encode() not in raw
                assert secret.hex().encode() not in raw


def test_every_sealing_attempt_has_a_key_of_its_own(world: World) -> None:
    case, people = world.accepted()
    claimant, source = people["claimant"], world.document()
    one = claimant.prepare_deposit(case, source, SETTLEMENT, sealed=world.folder / "one", **words())
    two = claimant.prepare_deposit(case, source, SETTLEMENT, sealed=world.folder / "two", **words())
    first, second = one.sealed_record(), two.sealed_record()
    assert first is not None
    assert second is not None
    assert first.record != second.record
    assert (world.folder / "one").read_bytes() != (world.folder / "two").read_bytes()


def test_files_of_a_deposit_and_of_the_memory_are_private(world: World) -> None:
    case, people = world.accepted()
    courier_of(people["claimant"]).lies["post"] = stop
    with pytest.raises(LineBrokenError):
        people["claimant"].deposit(case, world.document(), SETTLEMENT, **words())
    files = [path for path in (world.folder / "claimant").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [path for path in (world.folder / "claimant").rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


@pytest.mark.parametrize("broken", ["begin_upload", "put_part", "post"])
def test_deposit_interrupted_anywhere_is_finished_with_the_same_posting(world: World, broken: str) -> None:
    case, people = world.accepted()
    claimant = people["claimant"]
    courier_of(claimant).lies[broken] = stop
    with pytest.raises(LineBrokenError):
        claimant.deposit(case, world.document(), SETTLEMENT, **words())
    later = world.session("claimant")
    (pending,) = later.pending_deposits()
    receipt = later.resume_deposit(pending)
    assert receipt.statement == pending.posting.hash
    assert [shown.record for shown in later.records(case)] == [pending.record]
    assert (later.pending_deposits(), pending.sealed.exists()) == ((), False)


def test_deposit_given_up_leaves_nothing(world: World) -> None:
    case, people = world.accepted()
    claimant = people["claimant"]
    courier_of(claimant).lies["post"] = stop
    with pytest.raises(LineBrokenError):
        claimant.deposit(case, world.document(), SETTLEMENT, **words())
    (pending,) = claimant.pending_deposits()
    claimant.abandon_deposit(pending)
    assert claimant.pending_deposits() == ()
    assert not pending.sealed.parent.exists()


def test_only_parts_that_are_missing_are_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading_room, "PART_BYTES", 1000)
    case, people = world.accepted()
    claimant, sealed = people["claimant"], world.folder / "sealed"
    posting = claimant.prepare_deposit(
        case, world.document(bytes(3500)), SETTLEMENT, sealed=sealed, **words()
    )
    claimant.upload(posting, sealed)
    body = posting.sealed_record()
    assert body is not None
    parts = world.service.uploads[body.payload.upload][2]
    count = len(parts)
    del parts[2]
    parts[3] = bytes(1000)  # there, and not what was sent
    world.service.parts_taken.clear()
    claimant.upload(posting, sealed)
    assert world.service.parts_taken == [2, 3]
    assert b"".join(parts[number] for number in range(1, count + 1)) == sealed.read_bytes()


def test_part_that_always_arrives_damaged_is_given_up(world: World) -> None:
    from dataclasses import replace

    case, people = world.accepted()
    courier_of(people["claimant"]).lies["put_part"] = lambda part, *_: replace(part, sha256="0" * 64)
    with refuses(UnavailableError, "part_damaged", number=1):
        people["claimant"].deposit(case, world.document(), SETTLEMENT, **words())


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw + b"x", lambda raw: bytes(len(raw))], ids=["longer", "other"]
)
def test_sealed_file_that_changed_since_is_refused(world: World, spoil: Any) -> None:
    case, people = world.accepted()
    sealed = world.folder / "sealed"
    posting = people["claimant"].prepare_deposit(case, world.document(), SETTLEMENT, sealed=sealed, **words())
    sealed.write_bytes(spoil(sealed.read_bytes()))
    with refuses(SetupError, "sealed_file_differs"):
        people["claimant"].upload(posting, sealed)


def test_plan_that_no_client_makes_is_refused(world: World) -> None:
    from dataclasses import replace

    case, people = world.accepted()
    courier_of(people["claimant"]).lies["begin_upload"] = lambda plan, *_, **__: replace(plan, length=1)
    with refuses(MalformedError, "answer_malformed"):
        people["claimant"].deposit(case, world.document(), SETTLEMENT, **words())


def test_posting_survives_its_file_and_is_what_curl_posts(world: World) -> None:
    case, people = world.accepted()
    sealed = world.folder / "sealed"
    posting = people["claimant"].prepare_deposit(case, world.document(), SETTLEMENT, sealed=sealed, **words())
    again = Posting.load(posting.dump())
    assert again == posting
    assert again.target == f"/v1/cases/{case}/statements"
    people["respondent"].upload(again, sealed)  # anybody of the case may carry it
    people["respondent"].send(again)
    assert people["mediator"].records(case)[0].author == party("claimant").card


def test_note_is_no_deposit(world: World) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "hello")
    with refuses(RefusedError, "posting_not_a_deposit"):
        people["claimant"].upload(posting, world.document())


@pytest.mark.parametrize(
    ("choices", "kind", "code"),
    [
        ((), MalformedError, "paths_missing"),
        ((PathChoice(name="auction"),), RefusedError, "path_not_in_charter"),
        ((PathChoice(name="memo"),), RefusedError, "terms_need_a_date"),
        ((PathChoice(name="settlement", not_before=START),), RefusedError, "path_takes_no_date"),
        ((PathChoice(name="exchange", readers=(party("x").card,)),), RefusedError, "readers_not_wanted"),
        ((*SETTLEMENT, *SETTLEMENT), MalformedError, "path_name_twice"),
    ],
)
def test_choice_that_the_charter_does_not_offer_is_refused(
    world: World, choices: Any, kind: Any, code: str
) -> None:
    case, people = world.accepted()
    with refuses(kind, code):
        people["claimant"].deposit(case, world.document(), choices, **words())
    assert people["claimant"].pending_deposits() == ()
    assert not any((world.folder / "claimant" / "deposits").iterdir())


def test_deposit_before_everybody_accepted_names_who_is_missing(world: World) -> None:
    from client.honest import draft

    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    claimant = world.session("claimant")
    claimant.join(convenor.invitations(case)["claimant"])
    with refuses(RefusedError, "charter_not_accepted", seats=("claimant", "respondent", "mediator")):
        claimant.deposit(case, world.document(), SETTLEMENT, **words())


def test_convenor_without_a_seat_cannot_deposit(world: World) -> None:
    case, people = world.accepted()
    with refuses(RefusedError, "not_a_seat"):
        people["institution"].deposit(case, world.document(), SETTLEMENT, **words())


def test_file_that_cannot_be_read_is_named(world: World) -> None:
    case, people = world.accepted()
    missing = world.folder / "missing"
    with refuses(SetupError, "file_unreadable", file=str(missing)):
        people["claimant"].deposit(case, missing, SETTLEMENT, **words())


def test_hidden_file_name_is_refused_before_anything_is_sealed(world: World) -> None:
    case, people = world.accepted()
    with refuses(MalformedError, "filename_not_bare"):
        people["claimant"].deposit(case, world.document(name=".profile"), SETTLEMENT, **words())


def test_progress_of_sealing_uploading_and_opening_reaches_its_end(world: World) -> None:
    case, people = world.accepted()
    seen: dict[Stage, tuple[int, int]] = {}

    def watch(stage: Stage, done: int, total: int) -> None:
        assert done >= seen.get(stage, (0, 0))[0]
        seen[stage] = done, total

    people["claimant"].deposit(case, world.document(bytes(999)), SETTLEMENT, progress=watch, **words())
    record = people["claimant"].records(case)[0].record
    reader = party("arbitrator")
    ticket = make_ticket(reader, people["claimant"].introduce(case, record, "settlement"))
    request = people["claimant"].request(case, record, "settlement", [ticket]).statement
    people["claimant"].sign_off(case, request)
    people["respondent"].sign_off(case, request)
    open_release(
        HonestCourier(world.service, reader),
        case,
        request,
        world.folder / "o",
        identity=reader,
        progress=watch,
    )
    assert seen[Stage.OPEN] == (999, 999)
    assert seen[Stage.UPLOAD][0] == seen[Stage.UPLOAD][1]
    assert set(seen) == set(Stage) - {Stage.FETCH}


def test_record_that_replaces_another_is_linked_both_ways(world: World) -> None:
    case, people = world.accepted()
    claimant = people["claimant"]
    claimant.deposit(case, world.document(), SETTLEMENT, **words())
    old = claimant.records(case)[0].record
    claimant.deposit(case, world.document(), SETTLEMENT, replaces=old, **words(label="Corrected"))
    first, second = people["mediator"].records(case)
    assert (first.replaced_by, second.replaces) == ((second.record,), old)
    with refuses(NotFoundError, "record_unknown"):
        claimant.record(case, "0" * 32)


def test_source_is_not_changed(world: World, tmp_path: Path) -> None:
    case, people = world.accepted()
    source = world.document()
    before = (source.read_bytes(), source.stat().st_mtime_ns)
    people["claimant"].deposit(case, source, SETTLEMENT, **words())
    assert (source.read_bytes(), source.stat().st_mtime_ns) == before


def test_date_on_a_path_that_takes_none_is_refused_by_its_name(world: World) -> None:
    case, people = world.accepted()
    choice = PathChoice(name="settlement", not_before=START)
    with refuses(RefusedError, "path_takes_no_date", path="settlement"):
        people["claimant"].deposit(case, world.document(), [choice], title="t", label="l")
