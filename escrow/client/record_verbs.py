"""Verbs on records: deposit, look, check one's envelopes, report a bad one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from escrow.client.desk import Desk
from escrow.client.envelopes import OwnEnvelopes, is_reported
from escrow.client.posting import Posting, Receipt
from escrow.client.progress import Progress, silent
from escrow.client.sealing import DepositWords, PathChoice, seal_deposit
from escrow.client.showing import show_record
from escrow.client.uploading import upload_payload
from escrow.client.views import BadEnvelope, RecordView
from escrow.errors import NotFoundError, RefusedError
from escrow.model.deeds import EnvelopeReported
from escrow.model.ids import CaseId, RecordId, UploadId, new_record_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDeposit:
    """A deposit sealed and not yet receipted: its posting, and the file of ciphertext beside it."""

    posting: Posting
    case: CaseId
    record: RecordId
    upload: UploadId
    sealed: Path
    length: int


class RecordVerbs(Desk):
    """See the verbs."""

    def prepare_deposit(
        self,
        case: CaseId,
        source: Path,
        paths: Sequence[PathChoice],
        *,
        title: str,
        label: str,
        sealed: Path,
        media_type: str = "application/octet-stream",
        replaces: RecordId | None = None,
        record: RecordId | None = None,
        progress: Progress = silent,
    ) -> Posting:
        """Seal a file under a fresh key into `sealed` (mode 0600, must not exist) and sign the deposit.

        `title`, file name and media type travel under the record's key; `label` under the case key, for all
        seats. The key is forgotten when this returns: sealing again makes another record. To finish:
        `upload(posting, sealed)`, then `send(posting)`. RefusedError `path_not_in_charter`,
        `charter_not_accepted`, `not_a_seat`.
        """
        known = self.known(case)
        words = DepositWords(
            title=title, label=label, filename=source.name, media_type=media_type, replaces=replaces
        )
        deed = seal_deposit(
            known,
            self.case_key(known),
            self.card,
            record or new_record_id(),
            words,
            paths,
            source,
            sealed,
            progress,
        )
        return self.compose(known, deed)

    def upload(
        self, posting: Posting, sealed: Path, *, fresh: bool = False, progress: Progress = silent
    ) -> None:
        """Bring the ciphertext to the service by the best way that it offers; after a break only what is
        missing, as often as it takes.

        First the whole file is compared with what was signed, unless it is `fresh`: sealed by your own
        program, where nobody else writes. Then it is read once, and sent but for its end if it differs.
        RefusedError `posting_not_a_deposit`; SetupError `sealed_file_differs`, `case_at_another_address`.
        """
        body = posting.sealed_record()
        if body is None or posting.case is None:
            raise RefusedError("posting_not_a_deposit")
        self._follower.require_here(posting.case)
        upload_payload(self.courier, posting.case, body.payload, sealed, progress, fresh=fresh)

    def deposit(
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
        """Seal into the memory's home, upload, send, and clear away. What was interrupted is in
        `pending_deposits`.
        """
        record = new_record_id()
        with self.memory.sealing(record) as folder:
            try:
                posting = self.prepare_deposit(
                    case,
                    source,
                    paths,
                    title=title,
                    label=label,
                    sealed=folder / "sealed",
                    media_type=media_type,
                    replaces=replaces,
                    record=record,
                    progress=progress,
                )
                self.memory.remember_posting(record, posting.dump())
            except BaseException:
                self.memory.forget_deposit(record)
                raise
        return self.resume_deposit(self._pending(record), progress=progress)

    def pending_deposits(self) -> tuple[PendingDeposit, ...]:
        """Deposits that were sealed here and never receipted."""
        return tuple(self._pending(record) for record in self.memory.deposits())

    def resume_deposit(self, pending: PendingDeposit, *, progress: Progress = silent) -> Receipt:
        """Finish one: upload what is missing, send the same posting again. Errors as `upload` and `send`."""
        self.upload(pending.posting, pending.sealed, fresh=True, progress=progress)
        receipt = self.send(pending.posting)
        self.memory.forget_deposit(pending.record)
        return receipt

    def abandon_deposit(self, pending: PendingDeposit) -> None:
        """Give one up: the case refused it, say. Ciphertext and posting are removed here."""
        self.memory.forget_deposit(pending.record)

    def records(self, case: CaseId) -> tuple[RecordView, ...]:
        """Every record of the case, in the order of their sealing; sizes in bytes, times aware UTC."""
        known = self.known(case)
        return tuple(show_record(known, record) for record in known.state.records.values())

    def record(self, case: CaseId, record: RecordId) -> RecordView:
        """NotFoundError `record_unknown`."""
        known = self.known(case)
        found = known.state.records.get(record)
        if found is None:
            raise NotFoundError("record_unknown", record=record)
        return show_record(known, found)

    def check_envelopes(self, case: CaseId) -> tuple[BadEnvelope, ...]:
        """Try every envelope that is for a seat of this party; the bad ones, reported already or not."""
        known = self.known(case)
        return tuple(
            BadEnvelope(
                record=record.body.record,
                path=path.record_path.name,
                seat=seat,
                depositor=record.author,
                reported=is_reported(record, path.record_path.name, seat),
            )
            for record, path, seat in OwnEnvelopes(self.identity, known).bad()
        )

    def prepare_report(self, case: CaseId, record: RecordId, path: str, seat: str | None = None) -> Posting:
        """Say in a signed statement that one's own envelope is bad. RefusedError `envelope_good` when it is
        not.
        """
        known = self.known(case)
        own = OwnEnvelopes(self.identity, known)
        held = known.state.record(record).path(path)
        seats = (held.seat(seat).seat,) if seat else own.seats(held)
        for name in seats:
            if name not in own.seats(held):
                raise RefusedError("not_the_holder", seat=name, author=self.card.fingerprint)
            if own.content(held, name) is None:
                deed = EnvelopeReported(record=record, path=path, dealing=held.digest, seat=name)
                return self.compose(known, deed)
        raise RefusedError("envelope_good", path=path)

    def report(self, case: CaseId, record: RecordId, path: str, seat: str | None = None) -> Receipt:
        """Report and send; errors as `prepare_report`."""
        return self.send(self.prepare_report(case, record, path, seat))

    def _pending(self, record: RecordId) -> PendingDeposit:
        posting = Posting.load(self.memory.posting(record))
        body = posting.sealed_record()
        if body is None or posting.case is None:
            raise RefusedError("posting_not_a_deposit")
        return PendingDeposit(
            posting=posting,
            case=posting.case,
            record=record,
            upload=body.payload.upload,
            sealed=self.memory.deposit_folder(record) / "sealed",
            length=body.payload.length,
        )
