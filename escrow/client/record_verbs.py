"""Verbs on records: deposit, look, check one's envelopes, report a bad one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from escrow.client.desk import Desk
from escrow.client.posting import Posting, Receipt
from escrow.client.progress import Progress, silent
from escrow.client.views import BadEnvelope, RecordView
from escrow.crypto.card import Card
from escrow.model.ids import CaseId, RecordId, UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChoice:
    """One path of the charter by which a record may be opened, its blanks filled in.

    `not_before` where the template says at-deposit; `readers` limits a named path that lists none; `purpose`
    is a text under the case key.
    """

    name: str
    not_before: datetime | None = None
    readers: tuple[Card, ...] = ()
    purpose: str | None = None


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
        progress: Progress = silent,
    ) -> Posting:
        """Seal a file under a fresh key into `sealed` (mode 0600, must not exist) and sign the deposit.

        `title`, file name and media type travel under the record's key; `label` under the case key, for all
        seats. The key is forgotten when this returns: sealing again makes another record. To finish:
        `upload(posting, sealed)`, then `send(posting)`. RefusedError `path_not_in_charter`,
        `charter_not_accepted`, `not_a_seat`.
        """
        raise NotImplementedError

    def upload(self, posting: Posting, sealed: Path, *, progress: Progress = silent) -> None:
        """Bring the ciphertext to the service, in parts; only those that it has not yet, as often as it
        takes.

        RefusedError `posting_not_a_deposit`; SetupError `sealed_file_differs`.
        """
        raise NotImplementedError

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
        raise NotImplementedError

    def pending_deposits(self) -> tuple[PendingDeposit, ...]:
        """Deposits that were sealed here and never receipted."""
        raise NotImplementedError

    def resume_deposit(self, pending: PendingDeposit, *, progress: Progress = silent) -> Receipt:
        """Finish one: upload what is missing, send the same posting again."""
        raise NotImplementedError

    def records(self, case: CaseId) -> tuple[RecordView, ...]:
        raise NotImplementedError

    def record(self, case: CaseId, record: RecordId) -> RecordView:
        """NotFoundError `record_unknown`."""
        raise NotImplementedError

    def check_envelopes(self, case: CaseId) -> tuple[BadEnvelope, ...]:
        """Try every envelope that is for a seat of this party; the bad ones, reported already or not."""
        raise NotImplementedError

    def prepare_report(self, case: CaseId, record: RecordId, path: str, seat: str | None = None) -> Posting:
        """Say in a signed statement that one's own envelope is bad. RefusedError `envelope_good` when it is
        not.
        """
        raise NotImplementedError

    def report(self, case: CaseId, record: RecordId, path: str, seat: str | None = None) -> Receipt:
        return self.send(self.prepare_report(case, record, path, seat))
