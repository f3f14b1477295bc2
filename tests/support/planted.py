"""A whole story with planted secrets, told to a real service over HTTP, and the hunt for what it may leave.

The test process is the parties: it seals, uploads, signs off, and reads the bundle. `search` finds a secret
however it is wrapped: as it is, in hex, in base64 at any offset, and in base64 in that.
"""

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from support import build
from support.running import Running

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
