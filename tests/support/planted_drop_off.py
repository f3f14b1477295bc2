"""Drop-offs with planted secrets, told to a real service: one that is carried out, and all that can go wrong.

As in planted.py this process is the parties; the plain files, though, go to the service.
"""

import http.client
import json
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from support import build, dropping
from support.planted import Party
from support.running import Running

from escrow.crypto.identity import Identity
from escrow.ledger.bundle import Bundle, open_shares
from escrow.model.case_key import CaseKey

TITLE = "The bishop's last offer of the wheat"
FILENAME = "bishops-wheat-offer.txt"


def document(seed: int, size: int) -> bytes:
    """Bytes that occur nowhere else, whatever part of them one looks for."""
    return random.Random(seed).randbytes(size)


SMALL, LARGE = document(1, 700), document(2, 3 * 1024 * 1024 + 17)
REFUSED = tuple(document(3 + i, size) for i, size in enumerate((300, 5_000, 200_000, 2_000_000)))


class DropOffs:
    """A case that allows drop-offs, and its parties."""

    def __init__(self, service: Running) -> None:
        self.service = service
        self.party = Party(service)
        self.seats = {seat: Identity.generate() for seat in build.SEATS}
        convenor, self.case_key = Identity.generate(), CaseKey.generate()
        self.case = build.Case(
            chain=self.party,  # type: ignore[arg-type]
            seats=self.seats,
            convenor=convenor,
            shares=self.party.shares,
        )
        words = dropping.charter(seats=self.seats, convenor=convenor, case_key=self.case_key)
        self.party.append(build.opening(words, convenor=convenor, case_key=self.case_key))
        self.case.accept_all()

    def order(self, plain: bytes, name: str, who: Identity | None = None) -> tuple[bytes, bytes]:
        """An order's file, and its salt."""
        paths = [build.terms(self.party.state, "memo", not_before=datetime(2026, 1, 1, tzinfo=UTC))]
        order, salt, metadata = dropping.order_of(
            self.party.state, plain, name=name, title=TITLE, filename=FILENAME, paths=paths
        )
        signed = dropping.sign_order(who or self.seats["claimant"], order)
        return dropping.OrderFile(order=signed, salt=salt, metadata=metadata).dump(), salt

    def send(self, order: bytes, plain: bytes) -> tuple[int, bytes]:
        body = dropping.form(order, plain)
        path = f"/v1/cases/{self.party.case}/drop-offs"
        status, answer = self.service.ask("POST", path, body, {"Content-Type": dropping.KIND})
        self.party.answers.append(answer)
        return status, answer

    def send_raw(self, body: bytes, *, announced: int, kind: str = dropping.KIND) -> bytes:
        """Head and body in one piece, as a small request comes; then hang up. What was answered."""
        head = (
            f"POST /v1/cases/{self.party.case}/drop-offs HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {announced}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=30) as peer:
            peer.sendall(head.encode() + body)
            peer.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while piece := peer.recv(65536):
                    answer += piece
            except ConnectionError:  # it was cut off: nobody is owed an answer
                pass
        self.party.answers.append(answer)
        return answer

    def take(self, answer: bytes) -> None:
        """Replay what the service appended, every proof checked."""
        self.party.replayed = build.extend(self.party.replayed, json.loads(answer)["receipt"])

    def key_of(self, record: str) -> tuple[bytes, bytes]:
        """K and p of a record, by a release to the public: what the sealer held, and nobody since."""
        request = self.case.request(record, "memo")
        self.case.sign_off(request, "claimant", "respondent")
        path = f"/v1/cases/{self.case.id}/requests/{request}/bundle"
        status, raw = self.service.ask("GET", path)
        assert status == 200, raw
        verified = Bundle.parse(raw).verify(self.case.id, request)
        p = next(one.public_p for one in verified.shares.values() if one.public_p)
        return open_shares(verified).key, p


def tell(drops: DropOffs) -> dict[str, bytes]:
    """Drop-offs of every kind; what to look for afterwards."""
    secrets = {"title": TITLE.encode(), "filename": FILENAME.encode()}
    for name, plain in (("small", SMALL), ("large", LARGE)):
        order, salt = drops.order(plain, name)
        status, answer = drops.send(order, plain)
        assert status == 201, answer
        drops.take(answer)
        assert drops.send(order, plain)[0] == 200
        secrets |= {f"{part} of {name}": piece for part, piece in pieces(plain)} | {f"salt of {name}": salt}
    tell_refused(drops, secrets)
    return secrets


def tell_refused(drops: DropOffs, secrets: dict[str, bytes]) -> None:
    """What is not carried out leaves nothing either, whichever way it ends."""
    short, changed, torn, strange = REFUSED
    for plain in REFUSED:
        secrets |= {f"{part} of {len(plain)}": piece for part, piece in pieces(plain)}
    order, salt = drops.order(b"something else of the length" + bytes(len(changed) - 28), "changed")
    secrets["salt of changed"] = salt
    assert drops.send(order, changed)[0] == 400
    order, _ = drops.order(torn, "torn")
    whole = dropping.form(order, torn)
    drops.send_raw(whole[: len(order) + 90_000], announced=len(whole))
    drops.send_raw(whole[: whole.index(b'"order":') + 500], announced=len(whole))
    order, _ = drops.order(strange, "strange", Identity.generate())
    with suppress(ConnectionError, http.client.HTTPException):  # refused in the middle of a long body
        assert drops.send(order, strange)[0] == 404
    for body in (short, dropping.form(b'{"' + short + b'":1}', short), dropping.form(b"", short)):
        assert b" 400 " in drops.send_raw(body, announced=len(body)).split(b"\r\n")[0]
    no_form = drops.send_raw(short, announced=len(short), kind="text/plain")
    assert b" 400 " in no_form or b" 415 " in no_form
    no_length = drops.send_raw(short, announced=10**12)
    assert b" 413 " in no_length


def pieces(plain: bytes) -> Iterator[tuple[str, bytes]]:
    """What one looks for: no single buffer could hold all of it."""
    middle = len(plain) // 2
    yield from (("start", plain[:40]), ("middle", plain[middle : middle + 40]), ("end", plain[-40:]))
