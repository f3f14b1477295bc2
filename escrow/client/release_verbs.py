"""Verbs on releases: introduce a reader, request, review, sign off, withdraw, open."""

from collections.abc import Sequence
from pathlib import Path

from escrow.client.desk import Desk
from escrow.client.handouts import Introduction
from escrow.client.opening import Opened
from escrow.client.posting import Posting, Receipt
from escrow.client.progress import Progress, silent
from escrow.client.views import RequestView, Review
from escrow.model.ids import CaseId, Hash, RecordId


class ReleaseVerbs(Desk):
    """See the verbs."""

    def introduce(self, case: CaseId, record: RecordId, path: str) -> Introduction:
        """What a reader needs to make a ticket. RefusedError `path_needs_no_ticket` for a public path."""
        raise NotImplementedError

    def make_ticket(self, introduction: Introduction) -> str:
        """A ticket of this party's own (see tickets.make_ticket): a seat may be a reader too."""
        raise NotImplementedError

    def prepare_request(
        self, case: CaseId, record: RecordId, path: str, tickets: Sequence[str] = (), purpose: str = ""
    ) -> Posting:
        """Ask for one record by one path, for the readers of these tickets or (none) for the public."""
        raise NotImplementedError

    def request(
        self, case: CaseId, record: RecordId, path: str, tickets: Sequence[str] = (), purpose: str = ""
    ) -> Receipt:
        """The request's id is `receipt.statement`."""
        return self.send(self.prepare_request(case, record, path, tickets, purpose))

    def requests(self, case: CaseId) -> tuple[RequestView, ...]:
        raise NotImplementedError

    def review(self, case: CaseId, request: Hash) -> Review:
        """Everything a seat must be shown before it signs off. NotFoundError `request_unknown`."""
        raise NotImplementedError

    def prepare_sign_off(self, case: CaseId, request: Hash, seat: str | None = None) -> Posting:
        """Consent to one request with one seat. Show `review` first: what is sent cannot be recalled.

        With a bad envelope of one's own the share goes without p. RefusedError `not_the_holder`,
        `seat_ambiguous`.
        """
        raise NotImplementedError

    def sign_off(self, case: CaseId, request: Hash, seat: str | None = None) -> Receipt:
        return self.send(self.prepare_sign_off(case, request, seat))

    def prepare_withdraw(
        self, case: CaseId, request: Hash, seat: str | None = None, reason: str | None = None
    ) -> Posting:
        """Take a seat's sign-offs back, before the release. Procedural: who has the share keeps it."""
        raise NotImplementedError

    def withdraw(
        self, case: CaseId, request: Hash, seat: str | None = None, reason: str | None = None
    ) -> Receipt:
        return self.send(self.prepare_withdraw(case, request, seat, reason))

    def open(
        self, case: CaseId, request: Hash, out: Path, *, overwrite: bool = False, progress: Progress = silent
    ) -> Opened:
        """Open a released record as its reader, or as anybody (see opening.open_release)."""
        raise NotImplementedError
