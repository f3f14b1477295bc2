"""Audit a case through the client: the whole chain again from the opening, every proof, share object and
payload.
"""

from escrow.client.desk import Desk
from escrow.client.progress import Progress, silent
from escrow.ledger.audit import AuditReport
from escrow.model.ids import CaseId


class AuditVerbs(Desk):
    """See the verb."""

    def audit(self, case: CaseId, *, payloads: bool = False, progress: Progress = silent) -> AuditReport:
        """Fetch everything anew and check it, remembered entries included. `payloads`: download and hash
        those too.
        """
        raise NotImplementedError
