"""The service never holds a key or a plaintext: look for both wherever it could have left them.

This process is the parties: it seals, uploads, signs off, and reads the bundle. The real service runs in
processes of its own. Afterwards every file it wrote, everything it answered, and the memory of the parent and
of each worker are searched for the planted document, its title, the record key, the case key, every party's
seed and private scalars.
"""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import build, machine
from support.running import Running, running

from escrow.api.app import utc_now
from escrow.crypto.identity import Identity
from escrow.crypto.metadata import Metadata, seal_metadata
from escrow.crypto.payload import new_key, seal_payload
from escrow.crypto.sealing import record_context
from escrow.ledger import entry as entries
from escrow.ledger import token
from escrow.ledger.entry import Entry
from escrow.ledger.replay import extend
from escrow.ledger.state import CaseState
from escrow.ledger.statement import UnverifiedStatement, compose
from escrow.model.case_key import CaseKey
from escrow.model.deeds import Note
from escrow.model.ids import CaseId
from escrow.model.record import Payload
from escrow.model.share_object import ShareObject
from escrow.model.wire import to_base64

DOCUMENT = b"The island is returned on the first of May, and nobody shall speak of the gold. " * 40
TITLE = "Terms of the secret settlement of Lake Geneva"
FILENAME = "geneva-gold-settlement.txt"
"""Long enough that none of them occurs by chance, and in no other file of the tests."""


@dataclass
class Party:
    """The parties' side: a chain that posts over the network and replays what comes back."""

    service: Running
    case: CaseId | None = None
    replayed: CaseState | None = None
    shares: dict[str, bytes] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)

    @property
    def state(self) -> CaseState:
        assert self.replayed is not None
        return self.replayed

    def append(self, raw: str) -> Entry:
        body = {"statement": raw}
        statement = UnverifiedStatement.parse(raw)
        if statement.typ == "escrow.signed-off.v1":
            card = self.state.known_card(statement.kid)
            assert card is not None
            body["attachment"] = to_base64(self.shares[statement.verify(card).deed.shares])  # type: ignore[union-attr]
        path = "/v1/cases" if self.case is None else f"/v1/cases/{self.case}/statements"
        answer = json.loads(self.ask("POST", path, body, expected=201))
        self.replayed = extend(self.replayed, answer["receipt"])
        self.case = self.replayed.case
        return Entry.read(answer["receipt"], build.SERVICE.card)

    def case_note(self, text: bytes) -> str:
        """An entry as the service would write it, with a note that nobody encrypted. It is posted nowhere."""
        head, who = self.state.head, Identity.generate()
        raw = compose(who, Note(text=text), case=self.state.case, head=head)
        return entries.compose(
            build.SERVICE, case=self.state.case, n=head.n + 1, prev=head.hash, received_at=utc_now(),
            statement=raw,
        )  # fmt: skip

    def ask(
        self, method: str, path: str, body: object = None, *, who: Identity | None = None, expected: int = 200
    ) -> bytes:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Content-Type": kind}
        if who is not None:
            headers["Authorization"] = f"Bearer {token.make(who, build.URL, utc_now())}"
        status, answer = self.service.ask(method, path, raw, headers)
        assert status == expected, answer
        self.answers.append(answer)
        return answer


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, dict[str, bytes], Path]]:
    """The whole story, and every secret in it."""
    machine.require_linux("memory of other processes")
    folder = tmp_path_factory.mktemp("leaks")
    with running(folder, workers=2) as service:
        party = Party(service)
        yield party, tell(party), folder


def tell(party: Party) -> dict[str, bytes]:
    people = {seat: Identity.generate() for seat in build.SEATS}
    convenor, arbitrator = Identity.generate(), Identity.generate()
    case_key = CaseKey.generate()
    case = build.Case(chain=party, seats=people, convenor=convenor, shares=party.shares)  # type: ignore[arg-type]
    words = build.charter(seats=people, convenor=convenor, case_key=case_key)
    party.append(build.opening(words, convenor=convenor, case_key=case_key))
    case.accept_all()
    key, payload = upload(party, people["claimant"])
    sealed = build.seal_record(
        case.state, people["claimant"], "record", payload=payload, key=key, metadata=metadata(case, key)
    )
    case.post(people["claimant"], sealed.deed)
    request = case.request(sealed.record, "settlement", arbitrator)
    case.sign_off(request, "claimant", "respondent")
    party.ask("GET", f"/v1/cases/{case.id}/requests/{request}/bundle", who=arbitrator)
    party.ask("GET", f"/v1/cases/{case.id}/records/{sealed.record}/payload", who=arbitrator)
    party.ask("GET", f"/v1/cases/{case.id}/records", who=people["mediator"])
    party.ask("POST", "/v1/cases", {"statement": "rubbish"}, expected=400)
    return secrets_of(case, people | {"convenor": convenor, "arbitrator": arbitrator}, case_key, key, sealed)


def metadata(case: build.Case, key: bytes) -> bytes:
    author = case.seats["claimant"].card.fingerprint
    record = build.bytes_of("record record", 16).hex()
    r = record_context(author, case.id, case.state.current.proposal, record)
    held = Metadata(title=TITLE, filename=FILENAME, media_type="text/plain", length=len(DOCUMENT))
    return seal_metadata(key, r, held)


def upload(party: Party, who: Identity) -> tuple[bytes, Payload]:
    """Seal the document here, and send its ciphertext."""
    key, sink = new_key(), io.BytesIO()
    sealed = seal_payload(io.BytesIO(DOCUMENT), sink, key)
    path = f"/v1/cases/{party.case}/uploads/{'ab' * 16}"
    plan = {"length": sealed.length, "part_size": sealed.length}
    party.ask("PUT", path, plan, who=who)
    party.ask("PUT", f"{path}/parts/1", sink.getvalue(), who=who)
    return key, Payload(sha256=sealed.sha256.hex(), length=sealed.length, upload="ab" * 16)


def secrets_of(
    case: build.Case, people: dict[str, Identity], case_key: CaseKey, key: bytes, sealed: build.Sealed
) -> dict[str, bytes]:
    found = {"document": DOCUMENT[:80], "title": TITLE.encode(), "filename": FILENAME.encode()}
    found |= {"record key": key, "case key": case_key.encode(), "notes": b"The rules we agreed on."}
    for name, person in people.items():
        found[f"seed of {name}"] = person._raw
        found[f"signing seed of {name}"] = person.signing_seed()
        found[f"opening key of {name}"] = person.seat_keys(case.id, name).opening.encode()
    for path, secrets in sealed.secrets.items():
        found[f"p of {path}"] = secrets.p
        found[f"e of {path}"] = secrets.e.encode()
    return found


def needles(secret: bytes) -> list[bytes]:
    """A secret as it is, in hex, and in base64url wherever it may begin in what was encoded."""
    found = [secret, secret.hex().encode()]
    for before in range(3):  # three bytes make four letters: cut off those that others than the secret decide
        letters = to_base64(bytes(before) + secret)
        found.append(letters[-(-before * 4 // 3) : (before + len(secret)) * 4 // 3].encode())
    return found


RUN = re.compile(rb"[A-Za-z0-9_+/-]{24,}")
DEPTH = 5
"""A share in a share object in a posting lies two deep, a field of a statement in an entry three."""


def unwrapped(haystack: bytes, depth: int = DEPTH) -> Iterator[bytes]:
    """These bytes, what their base64 says, what the base64 in that says: entries are JWS in JSON in JWS."""
    yield haystack
    if depth == 0:
        return
    for run in RUN.finditer(haystack):
        letters = run[0].translate(bytes.maketrans(b"+/", b"-_"))
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        yield from unwrapped(base64.urlsafe_b64decode(letters + b"=" * (-len(letters) % 4)), depth - 1)


def search(haystack: bytes, secrets: dict[str, bytes]) -> set[str]:
    """The names of the secrets that are in there, wrapped as often as may be."""
    sought = [(name, needle) for name, secret in secrets.items() for needle in needles(secret)]
    return {name for layer in unwrapped(haystack) for name, needle in sought if needle in layer}


def memory(pid: int) -> Iterator[bytes]:
    """Everything that a process can read of its own, region by region."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)", line)
            if found is None or found[3].startswith(("[vvar", "[vsyscall", "[vdso", "/")):
                continue
            start, stop = int(found[1], 16), int(found[2], 16)
            try:
                mem.seek(start)
                yield mem.read(stop - start)
            except OSError:
                continue  # a guard page


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
