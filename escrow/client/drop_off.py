"""Drop-offs: sign an order for the service to seal one plain file, and send both.

For a party that has only HTTP, where the charter allows it. The order is signed here, without the service if
need be; who sends it with the file, by which program, does not matter. The service sees the file. Numbered as
in README.md:

 Z1  The receipt is believed only where the service's own sealing statement in it quotes this very order.
     Whether that sealing holds, following the chain tells; whether it is of this file, opening does.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from escrow.client import texts
from escrow.client.desk import Desk
from escrow.client.disk import open_source, renamed
from escrow.client.following import KnownCase
from escrow.client.posting import Receipt
from escrow.client.progress import Progress, Stage, silent
from escrow.client.sealing import DepositWords, PathChoice, charter_in_force, chosen_terms
from escrow.crypto.drop_off import new_salt, ordered_digest
from escrow.crypto.payload import sealed_length
from escrow.errors import ForgedError, MalformedError
from escrow.ledger.order import UnverifiedOrder, judge_order, sign_order, verify_order
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.deeds import RecordDroppedOff
from escrow.model.drop_off import DropOffOrder, OrderFile
from escrow.model.ids import CaseId, RecordId, new_record_id

PIECE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOff:
    """A signed order, ready to be sent with its file. `file` is what goes into the form's part `order`.

    Keep it to yourself: it says the document's title and name.
    """

    case: CaseId
    record: RecordId
    file: OrderFile = field(repr=False)

    @property
    def target(self) -> str:
        """The path to POST the form to, below the service's URL."""
        return f"/v1/cases/{self.case}/drop-offs"

    def dump(self) -> bytes:
        """What `load` reads and the form's part `order` holds, as a file."""
        return self.file.dump()

    @classmethod
    def load(cls, raw: bytes) -> "DropOff":
        """Read what `dump` wrote; whether its signature is good, the service asks. MalformedError."""
        file = OrderFile.load(raw)
        order = DropOffOrder.parse(UnverifiedOrder.parse(file.order).untrusted_jws.payload)
        return cls(case=order.case, record=order.record, file=file)


class DropOffVerbs(Desk):
    """See the verbs."""

    def prepare_drop_off(
        self,
        case: CaseId,
        source: Path,
        paths: Sequence[PathChoice],
        *,
        title: str,
        label: str,
        media_type: str = "application/octet-stream",
        replaces: RecordId | None = None,
        offline: bool = False,
        progress: Progress = silent,
    ) -> DropOff:
        """Sign an order for the service to seal this very file; nothing leaves this machine.

        Words as in `deposit`. `offline`: by the case as this memory knows it, asking nobody. RefusedError
        `drop_off_not_allowed`, and as `deposit`; NotFoundError `case_not_remembered`.
        """
        known = self.remembered(case) if offline else self.known(case)
        words = DepositWords(
            title=title, label=label, filename=source.name, media_type=media_type, replaces=replaces
        )
        words.metadata(0)
        order, file = self._order(known, source, words, paths, progress)
        judge_order(known.state, verify_order(known.state, file.order))
        if replaces is not None:
            known.state.record(replaces)
        return DropOff(case=case, record=order.record, file=file)

    def send_drop_off(self, drop_off: DropOff, source: Path, *, progress: Progress = silent) -> Receipt:
        """Send the order and its file; the service seals, deposits and forgets. The same again is the same.

        MalformedError `drop_off_file_differs`: another file than the one ordered; RefusedError
        `drop_offs_not_offered`; SetupError `case_at_another_address`. ForgedError as `Receipt.check` (Z1).
        """
        self._follower.require_here(drop_off.case)
        with open_source(source) as plain:
            if os.fstat(plain.fileno()).st_size != drop_off.file.metadata.length:
                raise MalformedError("drop_off_file_differs", field="document")
            length = drop_off.file.metadata.length

            def pieces() -> Iterator[bytes]:
                plain.seek(0)
                return _pieces(plain, length, Stage.UPLOAD, progress)

            answer = self.courier.drop_off(drop_off.case, drop_off.dump(), pieces, length=length)
        entry = self._read_receipt(drop_off.case, answer.entry)
        if entry.case != drop_off.case:
            raise ForgedError("receipt_for_another_case", case=entry.case)
        untrusted = UnverifiedStatement.parse(entry.statement_raw)
        deed = untrusted.verify(entry.signer).deed
        if not isinstance(deed, RecordDroppedOff) or deed.order != drop_off.file.order:
            raise ForgedError("receipt_for_another_statement", statement=untrusted.hash)
        receipt = Receipt(
            case=entry.case, statement=untrusted.hash, n=entry.n, hash=entry.hash,
            received_at=entry.received_at, entry=answer.entry, created=answer.created,
        )  # fmt: skip
        self.memory.remember_receipt(receipt)
        return receipt

    def drop_off(
        self,
        case: CaseId,
        source: Path,
        paths: Sequence[PathChoice],
        *,
        title: str,
        label: str,
        media_type: str = "application/octet-stream",
        replaces: RecordId | None = None,
        progress: Progress = silent,
    ) -> Receipt:
        """`prepare_drop_off` and `send_drop_off`."""
        drop_off = self.prepare_drop_off(
            case, source, paths, title=title, label=label, media_type=media_type, replaces=replaces,
            progress=progress,
        )  # fmt: skip
        return self.send_drop_off(drop_off, source, progress=progress)

    def _order(
        self,
        known: KnownCase,
        source: Path,
        words: DepositWords,
        paths: Sequence[PathChoice],
        progress: Progress,
    ) -> tuple[DropOffOrder, OrderFile]:
        case_key, record = self.case_key(known), new_record_id()
        held = charter_in_force(known, self.card)
        terms = chosen_terms(known, case_key, record, held, paths)
        length, sha256 = _hashed(source, progress)
        salt, metadata = new_salt(), words.metadata(length)
        order = DropOffOrder(
            case=known.case,
            charter=held.proposal,
            record=record,
            service=known.state.service,
            label=texts.seal_label(case_key, known.case, record, words.label),
            replaces=words.replaces,
            paths=tuple((one, one.encode()) for one in terms),
            length=sealed_length(length),
            digest=ordered_digest(salt, metadata, sha256).hex(),
        )
        return order, OrderFile(order=sign_order(self.identity, order), salt=salt, metadata=metadata)


def _hashed(source: Path, progress: Progress) -> tuple[int, bytes]:
    """Length and SHA-256 of a file."""
    sha256, length = hashlib.sha256(), 0
    with open_source(source) as plain, renamed("file_unreadable"):
        for piece in _pieces(plain, os.fstat(plain.fileno()).st_size, Stage.SEAL, progress):
            sha256.update(piece)
            length += len(piece)
    return length, sha256.digest()


def _pieces(plain: BinaryIO, total: int, stage: Stage, progress: Progress) -> Iterator[bytes]:
    """The file, which is `total` bytes long: of one that grew or shrank meanwhile not the last piece.

    MalformedError `drop_off_file_differs`.
    """
    done = 0
    progress(stage, 0, total)
    while done < total:
        piece = plain.read(min(PIECE, total - done))
        done += len(piece)
        if not piece or (done == total and plain.read(1)):
            raise MalformedError("drop_off_file_differs", field="document")
        yield piece
        progress(stage, done, total)
