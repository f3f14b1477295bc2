"""Verbs on a case and its charters: open, invite, join, accept, amend, look.

How an amendment goes: a seat or the convenor proposes (`amend`), keeping service, convenor and case key;
`invitations` makes one for each seat of the pending proposal, of use to new holders only; then every holder
of the old and of the new charter accepts that proposal. A holder of both accepts again, with the same seat
keys. Records sealed before stay with those who held the seats then.
"""

from escrow.client.desk import Desk
from escrow.client.drafts import CharterDraft
from escrow.client.handouts import Invitation
from escrow.client.posting import Posting, Receipt
from escrow.client.views import CaseSummary, CaseView
from escrow.crypto.card import Card
from escrow.model.ids import CaseId, Hash


class CaseVerbs(Desk):
    """See the verbs."""

    def prepare_open_case(self, draft: CharterDraft, *, service_card: Card | None = None) -> Posting:
        """Open a case as its convenor, with a fresh case key (kept in memory). The case's id is
        `posting.hash`.

        `service_card`: what the service's people told you; ForgedError `service_card_changed` if it shows
        another.
        """
        raise NotImplementedError

    def open_case(self, draft: CharterDraft, *, service_card: Card | None = None) -> Receipt:
        return self.send(self.prepare_open_case(draft, service_card=service_card))

    def invitations(self, case: CaseId, proposal: Hash | None = None) -> dict[str, Invitation]:
        """One for each seat of a pending charter (the only pending one, unless `proposal` says which)."""
        raise NotImplementedError

    def join(self, invitation: Invitation) -> CaseView:
        """Check an invitation against the case that it names, then keep its case key. Signs nothing.

        1. It is for this courier's service: SetupError `invitation_for_another_service`.
        2. The chain from the opening that the case's id names verifies, under the service card it gives.
        3. Its case key has the hash that the charter carries: ForgedError `case_key_not_of_charter`.
        4. Its proposal is a charter of this case with that seat: ForgedError `invitation_not_of_case`.
        5. That seat is this party's: RefusedError `invitation_for_another_card`.
        """
        raise NotImplementedError

    def case(self, case: CaseId) -> CaseView:
        """The case now. NotFoundError `not_found` where it is unknown, or none of this party's business."""
        raise NotImplementedError

    def cases(self) -> tuple[CaseSummary, ...]:
        """Every case that this memory or the service knows this party in; one that cannot be verified says
        why.
        """
        raise NotImplementedError

    def prepare_accept(self, case: CaseId, seat: str | None = None, proposal: Hash | None = None) -> Posting:
        """Accept a charter for one seat, publishing the keys that this party derives for it.

        Show `case(...)` first: every seat's fingerprint, every path in words. `seat` and `proposal` may be
        left out where only one waits: else RefusedError `nothing_to_accept`, `seat_ambiguous`,
        `proposal_ambiguous`.
        """
        raise NotImplementedError

    def accept(self, case: CaseId, seat: str | None = None, proposal: Hash | None = None) -> Receipt:
        return self.send(self.prepare_accept(case, seat, proposal))

    def prepare_amend(self, case: CaseId, draft: CharterDraft) -> Posting:
        """Propose a charter in place of the one in force (or of the opening one, while none is)."""
        raise NotImplementedError

    def amend(self, case: CaseId, draft: CharterDraft) -> Receipt:
        return self.send(self.prepare_amend(case, draft))

    def prepare_note(self, case: CaseId, text: str) -> Posting:
        """A note to all seats, under the case key."""
        raise NotImplementedError

    def note(self, case: CaseId, text: str) -> Receipt:
        return self.send(self.prepare_note(case, text))
