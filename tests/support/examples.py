"""Play a case that was kept (tests/golden) to a fresh service, and note what was asked and answered.

`scripts/generate` keeps it as escrow/api/examples.json, the examples of the OpenAPI document; a test plays it
again. Every request here is really sent and every answer really given: statements are the kept ones, and
Ed25519 signs the same words by the same clock in the same way. Long texts are cut, to be read; a request's
own id is replaced.
"""

import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from support.documented import operation_of
from werkzeug.test import TestResponse

from escrow.api.app import create_app
from escrow.config import Settings
from escrow.crypto.identity import Identity
from escrow.ledger import token
from escrow.ledger.entry import Entry
from escrow.ledger.statement import Head, UnverifiedStatement, compose
from escrow.model.case_key import TEXT_BLOCK, TEXT_OVERHEAD
from escrow.model.deeds import Note, RecordSealed, SignedOff
from escrow.model.handover import Invitation
from escrow.model.wire import to_base64
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket

GOLDEN = Path(__file__).parent.parent / "golden/v1"
KEPT = Path("escrow/api/examples.json")
LONGEST = 100
"""Characters of a text that is shown whole."""
LIMIT = 4 * 1024 * 1024
OCTETS = {"Content-Type": "application/octet-stream"}

Examples = dict[str, dict[str, Any]]


class Play:
    """The service, the kept case, and what has been noted of operations: `request`, `answers` by status."""

    def __init__(self, folder: Path) -> None:
        self.invitation = Invitation.load((GOLDEN / "northquay/northquay.invitation").read_bytes())
        self.case = self.invitation.case
        self.kept = FolderStore(GOLDEN / "operator/service/store")
        self.people = {
            who.card.fingerprint: who
            for path in GOLDEN.glob("*/.escrow/identity")
            for who in (Identity.load(path.read_text()),)
        }
        self.seat = Identity.load((GOLDEN / "northquay/.escrow/identity").read_text())
        key = folder / "identity"
        shutil.copy(GOLDEN / "operator/service/identity", key)
        key.chmod(0o600)
        settings = Settings(
            public_url=self.invitation.service.url, store=folder / "store", service_identity=key,
            requests_per_s_per_card=1000.0, posts_per_s_per_case=1.0, hooks_per_card=5,
        )  # fmt: skip
        store = FolderStore(folder / "store")
        store.check()
        self.now = datetime.fromtimestamp(0).astimezone()
        self.app = create_app(settings, store, lambda: self.now, ticks=lambda: self.now.timestamp())
        self.client = self.app.test_client()
        self.noted: Examples = {}

    def ask(
        self, method: str, path: str, who: Identity | None = None, *, body: Any = None, **more: Any
    ) -> TestResponse:
        """Send it, and note it where it is the first of its operation and status."""
        headers = more.pop("headers", {})
        if who is not None:
            headers = {
                "Authorization": f"Bearer {token.make(who, self.invitation.service.url, self.now)}"
            } | headers
        answer = self.client.open(path, method=method, json=body, headers=headers, **more)
        operation = operation_of(self.app, path.partition("?")[0], method)
        assert operation is not None, path
        noted = self.noted.setdefault(operation["operationId"], {"answers": {}})
        if body is not None and answer.status_code < 300:
            noted.setdefault("request", _short(body))
        if answer.is_json:
            noted["answers"].setdefault(str(answer.status_code), _short(_own(answer.get_json())))
        return answer

    def play(self) -> Examples:
        self._write()
        self._refusals()
        self._read()
        return {name: noted for name, noted in sorted(self.noted.items()) if noted["answers"]}

    def _write(self) -> None:
        for n, name in enumerate(self.kept.names(Bucket.LEDGER, names.entries(self.case))):
            entry = Entry.read(
                self.kept.get(Bucket.LEDGER, name, limit=LIMIT).decode(), self.invitation.service.card
            )
            self.now = entry.received_at
            raw = entry.statement_raw
            if n == 0:
                for expected in (201, 200):
                    assert self.ask("POST", "/v1/cases", body={"statement": raw}).status_code == expected
            else:
                self._post(raw)

    def _post(self, raw: str) -> None:
        statement = UnverifiedStatement.parse(raw)
        author = self.people[statement.kid]
        deed = statement.verify(author.card).deed
        body = {"statement": raw}
        if isinstance(deed, RecordSealed):
            self._upload(deed.body.payload.upload, author)
        if isinstance(deed, SignedOff):
            shares = self.kept.get(Bucket.RECORDS, names.share(self.case, deed.shares), limit=LIMIT)
            body["attachment"] = to_base64(shares)
        path = f"/v1/cases/{self.case}/statements"
        for expected in (201, 200):
            assert self.ask("POST", path, author, body=body).status_code == expected

    def _upload(self, upload: str, author: Identity) -> None:
        data = b"".join(self.kept.payload(names.payload(self.case, upload)))
        at = f"/v1/cases/{self.case}/uploads/{upload}"
        plan = {"length": len(data), "part_size": len(data)}
        assert self.ask("PUT", at, author, body=plan).status_code == 200
        assert self.ask("PUT", at, author, body=plan | {"length": 1, "part_size": 1}).status_code == 409
        assert self.ask("PUT", f"{at}/payload", author, data=data[:5], headers=OCTETS).status_code == 400
        assert self.ask("PUT", f"{at}/parts/1", author, data=data[:5], headers=OCTETS).status_code == 400
        assert self.ask("GET", f"{at}/addresses", author).status_code == 409
        way = "payload" if "200" in self.noted["send_part"]["answers"] else "parts/1"  # each once
        assert self.ask("PUT", f"{at}/{way}", author, data=data, headers=OCTETS).status_code == 200
        assert self.ask("GET", at, author).status_code == 200

    def _refusals(self) -> None:
        posts, note = f"/v1/cases/{self.case}/statements", Note(text=bytes(TEXT_OVERHEAD + TEXT_BLOCK))
        forged = self._entry(0).statement_raw[:-8] + "AAAAAAAA"
        elsewhere = compose(self.seat, note, case=self.case, head=Head(n=3, hash="0" * 64))
        assert self.ask("POST", "/v1/cases", body={"statement": forged}).status_code in (400, 422)
        assert self.ask("POST", posts, self.seat, body={"statement": elsewhere}).status_code == 409
        assert self.ask("POST", posts, self.seat, body={"statement": "x", "more": 1}).status_code == 400
        assert self.ask("POST", posts, data="{}", headers={"Content-Type": "text/plain"}).status_code == 415
        assert (
            self.ask("POST", f"/v1/cases/{'0' * 64}/statements", body={"statement": elsewhere}).status_code
            == 404
        )
        assert self.ask("GET", "/v1/cases").status_code == 401
        assert self.ask("GET", f"/v1/cases/{self.case}").status_code == 404
        while self.ask("POST", posts, body={"statement": elsewhere}).status_code != 429:
            pass

    def _read(self) -> None:
        at = f"/v1/cases/{self.case}"
        records = self.ask("GET", f"{at}/records?limit=1", self.seat).get_json()["records"]
        asked = self.ask("GET", f"{at}/requests?limit=1", self.seat).get_json()["requests"]
        record, request = records[0]["record"], asked[0]["request"]
        for path in (
            "/v1/cases", "/v1/inbox", at, f"{at}/entries?limit=2", f"{at}/records/{record}",
            f"{at}/requests/{request}", f"{at}/requests/{request}/bundle",
            f"{at}/shares/{asked[0]['sign_offs'][0]['shares']}", "/v1/service", "/healthz", "/readyz",
            "/v1/problems/not_found",
        ):  # fmt: skip
            assert self.ask("GET", path, self.seat).status_code == 200, path
        assert self.ask("GET", f"{at}/records?limit=0", self.seat).status_code == 400
        self._feed()
        assert self.ask(
            "GET", f"{at}/records/{record}/payload", headers={"Range": "bytes=9999999-"}
        ).status_code in (404, 416)
        assert self.ask("GET", "/v1/problems/nothing_of_the_kind").status_code == 404

    def _feed(self) -> None:
        """What an institution asks: which cases have grown, and which case has its own name."""
        convenor = self.people[UnverifiedStatement.parse(self._entry(0).statement_raw).kid]
        at, given = f"/v1/references/{'c' * 64}", {"case": self.case, "proof": "d" * 64}
        assert self.ask("GET", "/v1/changes", convenor).status_code == 200
        assert self.ask("GET", "/v1/changes?after=0000000001", convenor).status_code in (400, 409)
        assert [self.ask("PUT", at, convenor, body=given).status_code for _ in range(2)] == [201, 200]
        assert self.ask("GET", at, convenor).status_code == 200
        assert self.ask("GET", f"/v1/references/{'e' * 64}", convenor).status_code == 404
        at, given = f"/v1/hooks/{'a' * 32}", {"url": "https://cases.example/escrow"}
        assert [self.ask("PUT", at, convenor, body=given).status_code for _ in range(2)] == [201, 200]
        other = {"url": "https://other.example/escrow"}
        assert self.ask("PUT", at, convenor, body=other).status_code == 409
        assert self.ask("PUT", at, convenor, body={"url": "http://other.example/"}).status_code == 400
        assert self.ask("GET", "/v1/hooks", convenor).status_code == 200
        assert self.ask("DELETE", at, convenor).status_code == 200

    def _entry(self, n: int) -> Entry:
        raw = self.kept.get(Bucket.LEDGER, names.entry(self.case, n), limit=LIMIT).decode()
        return Entry.read(raw, self.invitation.service.card)


def _own(body: Any) -> Any:
    return body | {"request_id": "0123456789abcdef"} if "request_id" in body else body


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[: LONGEST // 2]}... ({len(value)} characters)"
    if isinstance(value, list):
        return [_short(each) for each in value]
    if isinstance(value, dict):
        return {name: _short(each) for name, each in value.items()}
    return value


def played() -> Examples:
    with tempfile.TemporaryDirectory() as folder:
        return Play(Path(folder)).play()


if __name__ == "__main__":
    KEPT.write_text(json.dumps(played(), indent=1) + "\n")
