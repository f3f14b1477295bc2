"""A released record opens from its two files alone; no false file passes, no false title keeps one out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from client.honest import HonestCourier, LyingCourier, Service, World
from client.test_client_lies import released
from support.build import URL, party
from support.refusals import refuses

from escrow.client import Fault, PathChoice, Stage, fetch_release, make_ticket, open_files, open_release
from escrow.client.carrying import Release, read_label, write_label
from escrow.client.courier import PayloadStream
from escrow.crypto import metadata as metadata_room
from escrow.crypto.payload import Metadata
from escrow.errors import EscrowError, ForgedError, MalformedError, RefusedError, SetupError
from escrow.model import sealing as sealing_room
from escrow.model.wire import decode_json, encode_json

ARBITRATOR = party("arbitrator")
BODY = b"We agree on 4,000,000."


@pytest.fixture
def kept(world: World) -> tuple[str, str, Path]:
    """Case and request of a settlement, and the folder it was fetched into; its service is gone."""
    case, request, courier = released(world)
    fetch_release(courier, case, request, world.folder / "kept", ARBITRATOR)
    world.service = Service()
    return case, request, world.folder / "kept"


def test_record_opens_from_its_two_files_without_any_service(
    world: World, kept: tuple[str, str, Path]
) -> None:
    case, request, folder = kept
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "payload", "release.json"]
    assert read_label(folder) == Release(service=URL, case=case, request=request)
    opened = open_files(
        folder / "bundle.json", folder / "payload", case, request, world.folder / "out", identity=ARBITRATOR
    )
    assert (opened.path.read_bytes(), opened.faults) == (BODY, ())
    assert (opened.metadata.title, opened.depositor) == ("Settlement", party("claimant").card)


def test_two_files_of_another_request_do_not_open(world: World, kept: tuple[str, str, Path]) -> None:
    case, request, folder = kept
    files = (folder / "bundle.json", folder / "payload")
    with refuses(ForgedError, "bundle_of_other_case", expected="0" * 64, found=case):
        open_files(*files, "0" * 64, request, world.folder / "out", identity=ARBITRATOR)
    with pytest.raises(EscrowError) as caught:
        open_files(*files, case, "0" * 64, world.folder / "out", identity=ARBITRATOR)
    assert caught.value.code == "request_unknown"
    assert not (world.folder / "out").exists()


def test_two_files_do_not_open_for_somebody_who_is_no_reader(
    world: World, kept: tuple[str, str, Path]
) -> None:
    case, request, folder = kept
    for identity in (None, party("journalist")):
        with refuses(RefusedError, "reader_not_named"):
            open_files(
                folder / "bundle.json", folder / "payload", case, request, world.folder / "out",
                identity=identity,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spoil", "kind", "code"),
    [
        ("payload", lambda raw: raw[:-1], ForgedError, "payload_truncated"),
        ("payload", lambda raw: raw + b"\0", ForgedError, "payload_too_long"),
        ("payload", lambda raw: bytes(len(raw)), ForgedError, "payload_digest_false"),
        ("bundle.json", lambda raw: raw[:-1], MalformedError, "field_not_json"),
        ("bundle.json", lambda _: b"{}", MalformedError, "field_missing"),
    ],
)
def test_file_that_was_changed_does_not_open(
    world: World, kept: tuple[str, str, Path], name: str, spoil: Any, kind: Any, code: str
) -> None:
    case, request, folder = kept
    (folder / name).write_bytes(spoil((folder / name).read_bytes()))
    with refuses(kind, code):
        open_files(
            folder / "bundle.json", folder / "payload", case, request, world.folder / "out",
            identity=ARBITRATOR,
        )  # fmt: skip
    assert not (world.folder / "out").exists()


def test_file_that_is_not_there_is_named(world: World, kept: tuple[str, str, Path]) -> None:
    case, request, folder = kept
    missing = folder / "missing"
    for files in ((missing, folder / "payload"), (folder / "bundle.json", missing)):
        with refuses(SetupError, "file_unreadable", file=str(missing)):
            open_files(*files, case, request, world.folder / "out", identity=ARBITRATOR)


# Fetching


def test_reader_that_is_not_named_fetches_nothing(world: World) -> None:
    case, request, courier = released(world)
    with refuses(RefusedError, "reader_not_named"):
        fetch_release(courier, case, request, world.folder / "kept", party("journalist"))
    assert not (world.folder / "kept").exists()


def test_changed_payload_is_not_kept(world: World) -> None:
    case, request, courier = released(world)
    parts = next(iter(world.service.uploads.values()))[2]
    parts[1] = bytes(len(parts[1]))
    with refuses(ForgedError, "payload_digest_false"):
        fetch_release(courier, case, request, world.folder / "kept")
    kept = {path.name for path in (world.folder / "kept").iterdir()}
    assert kept == {"bundle.json", "release.json"}


@pytest.mark.parametrize("name", ["bundle.json", "payload"])
def test_file_of_somebody_elses_is_not_replaced(world: World, name: str) -> None:
    case, request, courier = released(world)
    (world.folder / "kept").mkdir()
    (world.folder / "kept" / name).write_text("mine")
    with refuses(RefusedError, "file_exists", file=name):
        fetch_release(courier, case, request, world.folder / "kept")
    assert (world.folder / "kept" / name).read_text() == "mine"


def starts(courier: HonestCourier, cut: int | None = None) -> tuple[LyingCourier, list[int]]:
    """A line that notes where payloads are begun, and is cut after so many bytes."""
    seen: list[int] = []

    @contextmanager
    def noted(said: AbstractContextManager[PayloadStream], *_: object, start: int) -> Iterator[PayloadStream]:
        seen.append(start)
        with said as stream:
            raw = b"".join(stream.chunks)
            yield PayloadStream(total=stream.total, chunks=iter([raw[:cut]]))

    liar = LyingCourier(courier)
    liar.lies["payload"] = noted
    return liar, seen


def test_fetch_that_was_interrupted_goes_on_where_it_stopped(world: World) -> None:
    case, request, courier = released(world)
    folder = world.folder / "kept"
    liar, _ = starts(courier, cut=20)
    with refuses(ForgedError, "payload_truncated", found=20):
        fetch_release(liar, case, request, folder)
    liar, seen = starts(courier)
    done: list[tuple[Stage, int, int]] = []
    fetched = fetch_release(liar, case, request, folder, progress=lambda *at: done.append(at))
    assert (seen, done[0][1], done[-1][1]) == ([20], 20, fetched.length)
    liar, seen = starts(courier)
    assert fetch_release(liar, case, request, folder) == fetched
    assert seen == []
    opened = open_files(
        fetched.bundle, fetched.payload, case, request, world.folder / "out", identity=ARBITRATOR
    )
    assert opened.path.read_bytes() == BODY


@pytest.mark.parametrize("left", [b"another payload", b"x" * 5000], ids=["shorter", "longer"])
def test_what_another_fetch_left_is_not_gone_on_with(world: World, left: bytes) -> None:
    case, request, courier = released(world)
    folder = world.folder / "kept"
    folder.mkdir()
    (folder / "payload.part").write_bytes(left)
    fetched = fetch_release(courier, case, request, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "payload", "release.json"]
    assert fetched.payload.stat().st_size == fetched.length


def test_bundle_is_replaced_by_a_later_one_of_the_same_request(world: World) -> None:
    case, request, courier = released(world)
    first = fetch_release(courier, case, request, world.folder / "kept").bundle.read_bytes()
    world.session("mediator").sign_off(case, request)
    later = fetch_release(courier, case, request, world.folder / "kept").bundle.read_bytes()
    assert len(later) > len(first)


def without_shares(raw: bytes, *_: Any) -> bytes:
    return encode_json({**decode_json(raw, limit=len(raw), field="bundle"), "shares": []})


def test_bundle_that_opens_nothing_is_not_fetched_and_replaces_none_that_does(world: World) -> None:
    case, request, courier = released(world)
    lying = LyingCourier(courier)
    lying.lies["bundle"] = without_shares
    folder = world.folder / "kept"
    with refuses(RefusedError, "shares_below_quorum"):
        fetch_release(lying, case, request, folder)
    assert not folder.exists()
    kept = fetch_release(courier, case, request, folder).bundle.read_bytes()
    with refuses(RefusedError, "shares_below_quorum"):
        fetch_release(lying, case, request, folder)
    assert (folder / "bundle.json").read_bytes() == kept


def test_bundle_with_fewer_shares_replaces_none_with_more(world: World) -> None:
    case, request, courier = released(world)
    fewer = courier.bundle(case, request)
    world.session("mediator").sign_off(case, request)
    folder = world.folder / "kept"
    kept = fetch_release(courier, case, request, folder).bundle.read_bytes()
    lying = LyingCourier(courier)
    lying.lies["bundle"] = lambda raw, *_: fewer
    assert fetch_release(lying, case, request, folder).bundle.read_bytes() == kept


@pytest.mark.parametrize("theirs", [b"my own notes", b"{}", b'{"format": "escrow.release.v1"}'])
def test_file_of_the_label_s_name_that_is_another_s_stays(world: World, theirs: bytes) -> None:
    case, request, courier = released(world)
    folder = world.folder / "kept"
    folder.mkdir()
    (folder / "release.json").write_bytes(theirs)
    with refuses(RefusedError, "file_exists", file="release.json"):
        fetch_release(courier, case, request, folder)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("release.json", theirs)]


def test_folder_of_another_release_is_refused(world: World) -> None:
    case, request, courier = released(world)
    folder = world.folder / "kept"
    folder.mkdir()
    write_label(folder, Release(service=URL, case=case, request="ab" * 32))
    with refuses(RefusedError, "file_exists", file="release.json"):
        fetch_release(courier, case, request, folder)


# A depositor that seals nonsense beside the document


def sealed_with(world: World, monkeypatch: pytest.MonkeyPatch, spoiled: Any) -> tuple[str, str]:
    monkeypatch.setattr(sealing_room, "seal_metadata", spoiled)
    case, people = world.accepted()
    people["claimant"].deposit(
        case, world.document(), [PathChoice(name="settlement")], title="Title", label="Label"
    )
    record = people["claimant"].records(case)[0].record
    ticket = make_ticket(ARBITRATOR, people["claimant"].introduce(case, record, "settlement"))
    request = people["claimant"].request(case, record, "settlement", [ticket]).statement
    for seat in ("claimant", "respondent"):
        people[seat].sign_off(case, request)
    return case, request


def named(name: bytes) -> Any:
    """Metadata whose file name was put in behind the program's back."""

    def seal(key: bytes, r: bytes, metadata: Metadata) -> bytes:
        raw = metadata.emit().replace(b'"settlement.txt"', name)
        raw = raw[: metadata_room.METADATA_BYTES].ljust(metadata_room.METADATA_BYTES)
        return metadata_room.aead.seal_random(metadata_room._metadata_key(key), raw, r)

    return seal


def garbage(key: bytes, r: bytes, _: Metadata) -> bytes:
    return bytes(metadata_room.SEALED_METADATA_BYTES)


@pytest.mark.parametrize(
    ("spoiled", "code"),
    [
        (named(b'".bash_profile"'), "filename_not_bare"),
        (named(b'"../../evil"'), "filename_not_bare"),
        (named(b'"con.txt"'), "filename_not_portable"),
        (named(b"7"), "metadata_malformed"),
        (garbage, "metadata_false"),
    ],
)
def test_useless_metadata_keeps_nobody_out_and_names_the_depositor(
    world: World, monkeypatch: pytest.MonkeyPatch, spoiled: Any, code: str
) -> None:
    case, request = sealed_with(world, monkeypatch, spoiled)
    folder = world.folder / "out"
    folder.mkdir()
    opened = open_release(
        HonestCourier(world.service, ARBITRATOR), case, request, folder, identity=ARBITRATOR
    )
    assert opened.faults == (Fault(seat="", code=code, author=party("claimant").card),)
    assert opened.path == folder / f"record-{opened.record[:12]}"
    if code == "metadata_false":  # no length to be had: its padding stays
        assert opened.path.read_bytes().rstrip(b"\0") == BODY
    else:
        assert opened.path.read_bytes() == BODY
    assert [path.name for path in folder.iterdir()] == [opened.path.name]


def test_false_length_keeps_nobody_out_and_names_the_depositor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    def longer(key: bytes, r: bytes, metadata: Metadata) -> bytes:
        return metadata_room.seal_metadata(key, r, replace(metadata, length=10**6))

    case, request = sealed_with(world, monkeypatch, longer)
    opened = open_release(
        HonestCourier(world.service, ARBITRATOR), case, request, world.folder / "out", identity=ARBITRATOR
    )
    assert opened.metadata.filename == "settlement.txt"
    assert [(fault.code, fault.author) for fault in opened.faults] == [
        ("payload_length_false", party("claimant").card)
    ]
    assert opened.path.read_bytes().rstrip(b"\0") == BODY


def test_payload_that_its_depositor_sealed_falsely_names_the_depositor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shorter(key: bytes, r: bytes, metadata: Metadata) -> bytes:
        from dataclasses import replace

        return metadata_room.seal_metadata(key, r, replace(metadata, length=metadata.length - 1))

    case, request = sealed_with(world, monkeypatch, shorter)
    with refuses(ForgedError, "payload_padding_false", author=party("claimant").card.fingerprint):
        open_release(
            HonestCourier(world.service, ARBITRATOR), case, request, world.folder / "out", identity=ARBITRATOR
        )
