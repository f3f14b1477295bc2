"""Audit a case through the client: the whole chain anew from the opening, every proof, share object and
payload.

The service only carries; what was remembered of the case is what its answer is held against
(escrow/ledger/audit.py).
"""

from collections.abc import Iterator

from escrow.client.desk import Desk
from escrow.client.downloading import PayloadReader
from escrow.client.progress import Progress, Stage, silent
from escrow.crypto.transcript import Sha256
from escrow.errors import ForgedError, NotFoundError
from escrow.ledger.audit import AuditReport, audit
from escrow.ledger.entry import Entry
from escrow.ledger.state import RecordState
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId, Hash

CHUNK = 1024 * 1024


class AuditVerbs(Desk):
    """See the verb."""

    def audit(self, case: CaseId, *, payloads: bool = False, progress: Progress = silent) -> AuditReport:
        """Fetch everything anew and check it, remembered entries included; it does not stop at the first
        fault.

        `payloads`: download and hash those too, of records that this party may fetch. Share objects are
        looked at once their request is released.
        """

        def share(shares: Hash) -> bytes | None:
            try:
                return self.courier.share(case, shares)
            except NotFoundError:
                return None

        def payload(record: RecordState) -> tuple[str, int] | None:
            return self._digest(case, record, progress)

        return audit(
            self._entries(case),
            share,
            payload if payloads else None,
            case=case,
            known=self._remembered_head(case),
            released_only=True,
        )

    def _entries(self, case: CaseId) -> Iterator[str]:
        """All entries, in the order and number in which the service gives them."""
        after = -1
        while True:
            page = self.courier.entries(case, after=after)
            yield from page.entries
            after += len(page.entries)
            if not page.more or not page.entries:
                return

    def _remembered_head(self, case: CaseId) -> Head | None:
        """Of the last entry that was ever seen here."""
        service = self.memory.service_of(case)
        remembered = self.memory.entries(case)
        return Entry.read(remembered[-1], service.card).head if service and remembered else None

    def _digest(self, case: CaseId, record: RecordState, progress: Progress) -> tuple[str, int] | None:
        digest, length, total = Sha256(), 0, record.body.payload.length
        try:
            with PayloadReader(self.courier, case, record.body.record, total) as reader:
                while piece := reader.read(CHUNK):
                    digest.update(piece)
                    length += len(piece)
                    progress(Stage.OPEN, length, total)
        except (NotFoundError, ForgedError):
            return None
        return digest.digest().hex(), length
