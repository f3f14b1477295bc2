"""The service never holds a key or a plaintext: look for both wherever it could have left them.

This process is the parties: it seals, uploads, signs off, and reads the bundle. The real service runs in
processes of its own, over a folder and over a MinIO. Afterwards every file it or MinIO wrote, everything it
answered, and the memory of the parent and of each worker are searched for the planted document, its title,
the record key, the case key, every party's seed and private scalars.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import build, machine
from support.memories import memory
from support.minio import Site, minio
from support.planted import DEPTH, Party, search, tell
from support.running import running

from escrow.model.share_object import ShareObject
from escrow.model.wire import to_base64


@pytest.fixture(scope="module", params=["folder", "minio"])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Party, dict[str, bytes], Path]]:
    """The whole story, and every secret in it. MinIO's drive and its log lie in the folder too."""
    machine.require_linux("memory of other processes")
    folder = tmp_path_factory.mktemp("leaks")
    with ExitStack() as stack:
        storage = None
        if request.param == "minio":
            server = stack.enter_context(minio(folder / "minio/drive"))
            storage = Site(server, tmp_path_factory.mktemp("site")).settings("service")
        service = stack.enter_context(running(folder, storage, workers=2))
        party = Party(service)
        yield party, tell(party), folder


Place = Callable[[Party, Path], Iterator[bytes]]


def files(party: Party, folder: Path) -> Iterator[bytes]:
    yield from (path.read_bytes() for path in folder.rglob("*") if path.is_file())
    yield from (str(path).encode() for path in folder.rglob("*"))


def answers(party: Party, folder: Path) -> Iterator[bytes]:
    yield from party.answers


def processes(party: Party, folder: Path) -> Iterator[bytes]:
    workers = party.service.workers()
    assert len(workers) == 2
    for pid in (party.service.process.pid, *workers):
        yield from memory(pid)


@pytest.mark.parametrize("place", [files, answers, processes], ids=["files and logs", "answers", "memory"])
def test_no_key_and_no_plaintext_is_found(told: tuple[Party, dict[str, bytes], Path], place: Place) -> None:
    party, secrets, folder = told
    found = set()
    for haystack in place(party, folder):
        found |= search(haystack, secrets)
    assert found == set()


def public_facts(party: Party) -> dict[str, bytes]:
    """What the service does hold, at every depth: in an entry, in a statement in it, in a share object."""
    state = party.state
    (record,) = state.records.values()
    shares = ShareObject.parse(next(iter(party.shares.values())), public=False)
    return {
        "opening key": next(iter(state.opening_keys)).encode(),
        "ML-KEM key": next(iter(state.kem_keys)),
        "commitment": record.body.commitment,
        "metadata": record.body.metadata,
        "E": next(iter(state.dealing_keys)).encode(),
        "share": shares.tickets[0].answer.W.encode(),
    }


def test_search_finds_what_is_there(told: tuple[Party, dict[str, bytes], Path]) -> None:
    """The hunt itself works: what the service does know is found in storage, in answers, in each worker."""
    party, _, folder = told
    facts = public_facts(party)
    stored = {name for haystack in files(party, folder) for name in search(haystack, facts)}
    assert stored == set(facts)
    answered = {name for haystack in answers(party, folder) for name in search(haystack, facts)}
    assert answered == set(facts)
    known = {"case": bytes.fromhex(party.state.case), "service seed": build.SERVICE._raw}
    assert search(b"".join(files(party, folder)), known) == {"case"}
    for pid in party.service.workers():
        assert any("service seed" in search(haystack, known) for haystack in memory(pid))


def test_search_would_find_a_plaintext_in_an_entry(told: tuple[Party, dict[str, bytes], Path]) -> None:
    """A client that forgot to encrypt: its words would lie in storage as a note, three wrappings deep."""
    party, secrets, _ = told
    for name in ("document", "title", "record key"):
        leak = party.case_note(secrets[name])
        assert search(leak.encode(), secrets) == {name}
        assert search(json.dumps({"entries": ["first", leak]}).encode(), secrets) == {name}


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("wrappings", range(DEPTH))
def test_search_finds_a_secret_wherever_it_begins(before: int, wrappings: int) -> None:
    secret = {"seed": build.bytes_of("a seed to look for")}
    haystack = bytes(before) + secret["seed"] + b"and more"
    for _ in range(wrappings):
        haystack = b'{"x":"' + to_base64(haystack).encode() + b'"}'
    assert search(haystack, secret) == {"seed"}
    assert search(haystack, {"another": build.bytes_of("another")}) == set()


@pytest.mark.parametrize("before", range(3))
def test_search_finds_letters_that_were_cut_out_of_a_text(before: int) -> None:
    """As memory may hold them: nobody knows where the encoded text began."""
    secret = build.bytes_of("a seed to look for")
    letters = to_base64(bytes(before) + secret + b"and more").encode()
    for start in range(before + 1):
        assert search(b"\0" + letters[start:] + b"\0", {"seed": secret}) == {"seed"}
