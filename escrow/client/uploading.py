"""Bring a sealed payload to the service, by the best way that it offers; what is there already stays there.

Ways, in this order: parts to the storage's own addresses, several at once; the whole payload in one body;
numbered parts to the service. Where the first or second breaks off, what is missing goes by the third.

The service is asked first what it has; a part counts as there only if length and SHA-256, where the service
can say it, are those of the file. The whole file's digest is compared with the signed statement before its
last piece is sent, so that a file changed since sealing never becomes a payload; and before its first piece
too, unless this home sealed it: a wrong part that is there once is never told from the right one where the
service cannot say digests.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from escrow.client.courier import Addresses, Courier, Part, Upload
from escrow.client.disk import open_source, renamed
from escrow.client.progress import Progress, Stage
from escrow.crypto.transcript import Sha256
from escrow.errors import EscrowError, MalformedError, SetupError, UnavailableError
from escrow.model.ids import CaseId
from escrow.model.record import Payload

PART_BYTES = 8 * 1024 * 1024
MAX_PART_BYTES = 64 * 1024 * 1024
MAX_PARTS = 10_000
PIECE_BYTES = 1024 * 1024
"""Of a whole body at once: a socket's timeout of a minute is for one of these."""
IN_FLIGHT = 4
"""Parts on their way to storage at once, beside the one that is read."""
_BROKEN_OFF = frozenset({"addresses_not_offered", "part_cut_short", "upload_completed"})
"""Refusals after which the service is asked again what it has, as after a line that broke."""
TRIES = 3
"""What arrived damaged is sent again, this often in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deposit:
    """What is brought where, and who watches."""

    courier: Courier
    case: CaseId
    payload: Payload
    sealed: Path
    source: BinaryIO
    progress: Progress

    def begin(self) -> Upload:
        """Announce it, or ask what is there."""
        length = self.payload.length
        plan = self.courier.begin_upload(
            self.case, self.payload.upload, length=length, part_size=_part_size(length)
        )
        _require_plan(plan, self.payload)
        return plan

    def report(self, done: int) -> None:
        self.progress(Stage.UPLOAD, done, self.payload.length)

    def require_signed(self) -> None:
        """Read it all and send nothing. SetupError `sealed_file_differs`."""
        self.report(0)
        for _ in self.pieces(PIECE_BYTES):
            pass

    def pieces(self, size: int) -> Iterator[bytes]:
        """The file in pieces of this size, from its start; the last only if the whole is what was signed."""
        whole, left = Sha256(), self.payload.length
        with renamed("file_unreadable"):
            self.source.seek(0)
        with ThreadPoolExecutor(1) as hashing:  # while the piece before is sent
            while left:
                with renamed("file_unreadable"):
                    data = self.source.read(min(size, left))
                hashed = hashing.submit(whole.update, data)
                left -= len(data)
                if not left:
                    hashed.result()
                if not data or (not left and whole.digest().hex() != self.payload.sha256):
                    raise SetupError("sealed_file_differs", file=str(self.sealed))
                yield data


def upload_payload(
    courier: Courier, case: CaseId, payload: Payload, sealed: Path, progress: Progress, *, fresh: bool
) -> None:
    """Upload the file of a deposit. Harmless to repeat.

    `fresh`: nobody but this program has written the file, and it is read once; else twice.
    SetupError `sealed_file_differs`: not the file that the statement was signed for. UnavailableError
    `part_damaged`, `payload_damaged`. MalformedError `address_unsafe`.
    """
    with open_source(sealed) as source:
        with renamed("file_unreadable"):
            length = sealed.stat().st_size
        if length != payload.length:
            raise SetupError("sealed_file_differs", file=str(sealed))
        deposit = _Deposit(
            courier=courier, case=case, payload=payload, sealed=sealed, source=source, progress=progress
        )
        if not fresh:
            deposit.require_signed()
        plan = deposit.begin()
        if not plan.completed and not _send_fast(deposit, plan):
            _send_parts(deposit)
        deposit.report(length)


def _send_fast(deposit: _Deposit, plan: Upload) -> bool:
    """By the best way that is offered. False: there is none, or it broke off."""
    ways = deposit.courier.service().uploads
    try:
        if "addresses" in ways:
            _send_to_storage(deposit, plan)
        elif "payload" in ways and not plan.parts:
            _send_whole(deposit)
        else:
            return False
        return True
    except EscrowError as error:
        if error.code == "payload_damaged":
            raise
        if not isinstance(error, UnavailableError) and error.code not in _BROKEN_OFF:
            raise
        return False


# One body


def _send_whole(deposit: _Deposit) -> None:
    def pieces() -> Iterator[bytes]:
        done = 0
        for data in deposit.pieces(PIECE_BYTES):
            yield data
            done += len(data)
            deposit.report(done)

    for left in reversed(range(TRIES)):
        try:
            deposit.courier.put_payload(deposit.case, deposit.payload.upload, pieces, payload=deposit.payload)
        except UnavailableError as error:
            if error.code != "payload_damaged" or not left:
                raise
        else:
            return


# Parts


def _send_parts(deposit: _Deposit) -> None:
    plan = deposit.begin()
    if plan.completed:
        return
    for number, data, done in _parts(deposit, plan):
        if data is not None:
            _send_part(deposit, plan, number, data)
        deposit.report(done)


def _send_part(deposit: _Deposit, plan: Upload, number: int, data: bytes) -> None:
    part = Part(number=number, length=len(data), sha256=_sha256(data))
    for _ in range(TRIES):
        if deposit.courier.put_part(deposit.case, plan.upload, part.number, data) == part:
            return
    raise UnavailableError("part_damaged", number=part.number)


def _parts(deposit: _Deposit, plan: Upload) -> Iterator[tuple[int, bytes | None, int]]:
    """Every part's number, its bytes where the service has them not, and the bytes up to its end."""
    there = {part.number: part for part in plan.parts}
    done = 0
    deposit.report(done)
    for number, data in enumerate(deposit.pieces(plan.part_size), start=1):
        done += len(data)
        yield number, None if _is_there(there.get(number), data) else data, done


def _is_there(found: Part | None, data: bytes) -> bool:
    if found is None or found.length != len(data):
        return False
    return found.sha256 is None or found.sha256 == _sha256(data)


def _sha256(data: bytes) -> str:
    digest = Sha256()
    digest.update(data)
    return digest.digest().hex()


# Parts to addresses of the storage


class _AddressBook:
    """Addresses by a part's number, asked for page by page, and again before they are out of date."""

    def __init__(self, ask: Callable[[int], Addresses]) -> None:
        self._ask = ask
        self._urls: dict[int, str] = {}
        self._until = 0.0

    def of(self, number: int) -> str:
        """MalformedError where the service names none."""
        if number not in self._urls or time.monotonic() > self._until:
            page = self._ask(number - 1)
            self._urls = page.urls
            self._until = time.monotonic() + page.valid_s / 2
        if number not in self._urls:
            raise MalformedError("answer_malformed", field="answer.addresses")
        return self._urls[number]


def _send_to_storage(deposit: _Deposit, plan: Upload) -> None:
    book = _AddressBook(lambda after: deposit.courier.addresses(deposit.case, plan.upload, after=after))
    under_way: deque[tuple[Future[None], int]] = deque()

    def finish() -> None:
        sent, done = under_way.popleft()
        sent.result()
        deposit.report(done)

    with ThreadPoolExecutor(IN_FLIGHT) as lines:
        for number, data, done in _parts(deposit, plan):
            if data is None:
                continue
            if len(under_way) == IN_FLIGHT:
                finish()
            under_way.append((lines.submit(deposit.courier.put_to_address, book.of(number), data), done))
        while under_way:
            finish()


# Plans


def _part_size(length: int) -> int:
    """8 MiB, or more where that would make too many parts."""
    return min(max(PART_BYTES, -(-length // MAX_PARTS)), MAX_PART_BYTES)


def _require_plan(plan: Upload, payload: Payload) -> None:
    """An earlier plan for this upload may have had another part size; one that no client makes is refused."""
    count = -(-plan.length // plan.part_size)
    if plan.length != payload.length or plan.part_size > MAX_PART_BYTES or count > MAX_PARTS:
        raise MalformedError("answer_malformed", field="answer.part_size")
