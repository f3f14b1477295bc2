"""Verbs on a case and its charters: open, invite, join, accept, amend, look.

How an amendment goes: a seat or the convenor proposes (`amend`), keeping service, convenor and case key
(`move` names another card of the service, and changes nothing else); `invitations` makes one for each seat of
the pending proposal, of use to new holders only; then every holder of the old and of the new charter accepts
that proposal. A holder of both accepts again, with the same seat
keys. Records sealed before stay with those who held the seats then.
"""

from dataclasses import replace

from escrow.client import texts
from escrow.client.desk import Desk
from escrow.client.drafts import CharterDraft
from escrow.client.following import KnownCase
from escrow.client.posting import Posting, Receipt
from escrow.client.showing import show_case, show_charter
from escrow.client.views import CaseSummary, CaseView
from escrow.crypto.card import Card
from escrow.crypto.seat_keys import prove_seat_keys
from escrow.errors import EscrowError, ForgedError, RefusedError, SetupError
from escrow.ledger.state import CaseState, CharterState, CharterStatus
from escrow.model.case_key import CaseKey
from escrow.model.charter import Charter
from escrow.model.contexts import seat_keys_context
from escrow.model.deeds import CharterAccepted, CharterProposed, Note
from escrow.model.handover import Invitation
from escrow.model.ids import CaseId, Hash


class CaseVerbs(Desk):
    """See the verbs."""

    def invitations(self, case: CaseId, proposal: Hash | None = None) -> dict[str, Invitation]:
        """One for each seat of a charter still to be accepted, to be handed over privately: it holds the case
        key.

        `proposal`: which one, where several wait (RefusedError `proposal_ambiguous`, `nothing_to_accept`).
        """
        known = self.known(case)
        key = self.case_key(known)
        waiting = [held for held in known.state.charters.values() if held.status is CharterStatus.PENDING]
        held = _only(case, waiting or [known.state.current], proposal)
        return {
            seat: Invitation(
                service=held.charter.service, case=case, seat=seat, proposal=held.proposal, case_key=key
            )
            for seat in held.charter.seats
        }

    def join(self, invitation: Invitation) -> CaseView:
        """Check an invitation against the case that it names, then keep its case key. Signs nothing.

        1. It is for this courier's service: SetupError `invitation_for_another_service`.
        2. The chain from the opening that the case's id names verifies (following.py).
        3. Its case key has the hash that the charter carries: ForgedError `case_key_not_of_charter`.
        4. Service, proposal and seat are those of this case: ForgedError `invitation_not_of_case` (field).
        5. That seat is this party's: RefusedError `invitation_for_another_card`.

        An invitation that is refused leaves nothing in the memory: no card pinned, no case, no key.
        """
        if invitation.service.url != self.courier.url:
            raise SetupError(
                "invitation_for_another_service", url=invitation.service.url, asked=self.courier.url
            )
        known = self.known(invitation.case, insist=lambda state: self._require_invited(state, invitation))
        self.memory.remember_case_key(known.case, invitation.case_key)
        return self.case(invitation.case)

    def _require_invited(self, state: CaseState, invitation: Invitation) -> None:
        """Steps 3 to 5 of `join`, before anything of the case is remembered."""
        invitation.case_key.require_hash(state.opening.charter.case_key_hash)
        card = _invited(state, invitation)
        if card != self.card:
            raise RefusedError(
                "invitation_for_another_card",
                seat=invitation.seat,
                expected=card.fingerprint,
                found=self.card.fingerprint,
            )

    def case(self, case: CaseId) -> CaseView:
        """The case now. NotFoundError `not_found` where it is unknown, or none of this party's business."""
        return show_case(self.known(case), self.card)

    def cases(self) -> tuple[CaseSummary, ...]:
        """Every case that this memory or the service knows this party in; one that cannot be verified says
        why.
        """
        return tuple(self._summary(case) for case in self.case_ids())

    def prepare_accept(self, case: CaseId, proposal: Hash, seat: str | None = None) -> Posting:
        """Accept the charter that was shown, for one seat, publishing the keys that one derives for it.

        Show `case(...)` first: every seat's fingerprint, every path in words. `proposal` is that of the
        CharterView which was shown, so that nothing is signed in its place; RefusedError `nothing_to_accept`
        if it does not wait for this party, `accepted_and_waiting` (seats, missing) or `accepted_by_all` where
        this party has accepted it. `seat` may be left out where only one waits: else RefusedError
        `seat_ambiguous`. What cannot be read is not accepted: RefusedError `prose_unreadable`,
        `alone_unreadable` (path).
        """
        known = self.known(case)
        key = self.case_key(known)
        held = _shown(known, self.card, proposal)
        _require_readable(key, held.charter)
        open_seats = tuple(name for name, holder in held.missing if holder == self.card.fingerprint)
        seat = seat or _only_seat(open_seats)
        keys = self.identity.seat_keys(case, seat)
        deed = CharterAccepted(
            proposal=held.proposal,
            seat=seat,
            opening_key=keys.opening_key,
            kem_key=keys.kem_key,
            proof=prove_seat_keys(keys, seat_keys_context(case, seat, held.proposal, self.card)),
            wrapped_case_key=key.wrap_for_oneself(self.identity),
        )
        return self.compose(known, deed)

    def accept(self, case: CaseId, proposal: Hash, seat: str | None = None) -> Receipt:
        """Accept and send; arguments and errors as `prepare_accept`.

        session.accept(case, shown.charter.proposal)
        """
        return self.send(self.prepare_accept(case, proposal, seat))

    def prepare_amend(self, case: CaseId, draft: CharterDraft) -> Posting:
        """Propose a charter in place of the one in force (or of the opening one, while none is).

        RefusedError `charter_unchanged` where it says the same.
        """
        known = self.known(case)
        key = self.case_key(known)
        current = known.state.current
        charter = draft.charter(
            service=current.charter.service, convenor=current.charter.convenor, case_key=key
        )
        if texts.what_it_says(key, charter) == texts.what_it_says(key, current.charter):
            raise RefusedError("charter_unchanged")
        deed = CharterProposed(
            replaces=current.proposal,
            charter=charter,
            wrapped_case_key=key.wrap_for_oneself(self.identity),
        )
        return self.compose(known, deed)

    def amend(self, case: CaseId, draft: CharterDraft) -> Receipt:
        """Propose and send; errors as `prepare_amend`. `receipt.statement` is the proposal to be accepted."""
        return self.send(self.prepare_amend(case, draft))

    def prepare_move(self, case: CaseId, card: Card) -> Posting:
        """Propose the charter as it is, under another card of the service, whose key was changed or lost.

        `card`: as the service's people told this party, not by way of the service. ForgedError
        `service_card_not_as_told` where it shows another; RefusedError `charter_unchanged`.
        """
        known = self.known(case)
        key = self.case_key(known)
        current = known.state.current
        if card == known.state.service:
            raise RefusedError("charter_unchanged")
        self.service(told=card)
        deed = CharterProposed(
            replaces=current.proposal,
            charter=replace(current.charter, service=replace(current.charter.service, card=card)),
            wrapped_case_key=key.wrap_for_oneself(self.identity),
        )
        return self.compose(known, deed)

    def move(self, case: CaseId, card: Card) -> Receipt:
        """Propose that and send; errors as `prepare_move`. All seats then accept `receipt.statement`."""
        return self.send(self.prepare_move(case, card))

    def prepare_note(self, case: CaseId, text: str) -> Posting:
        """A note to all seats, under the case key. SetupError `case_key_missing`."""
        known = self.known(case)
        sealed = texts.seal_note(self.case_key(known), case, self.card.fingerprint, text)
        return self.compose(known, Note(text=sealed))

    def note(self, case: CaseId, text: str) -> Receipt:
        """Note and send; errors as `prepare_note`.

        session.note(case, "We meet on Friday.")
        """
        return self.send(self.prepare_note(case, text))

    def _summary(self, case: CaseId) -> CaseSummary:
        try:
            known = self.known(case)
        except EscrowError as error:
            return CaseSummary(case=case, title=None, standing=None, seats=(), head=None, trouble=error.code)
        shown = show_charter(known, known.state.current, self.card)
        return CaseSummary(
            case=case,
            title=shown.title,
            standing=shown.standing,
            seats=known.state.seats_of(self.card.fingerprint),
            head=known.state.head,
            trouble=None,
        )


def _invited(state: CaseState, invitation: Invitation) -> Card:
    """The card in the seat that the invitation is for."""
    held = state.charters.get(invitation.proposal)
    if held is None:
        raise ForgedError("invitation_not_of_case", field="proposal")
    if held.charter.service != invitation.service:
        raise ForgedError("invitation_not_of_case", field="service")
    card = held.charter.seats.get(invitation.seat)
    if card is None:
        raise ForgedError("invitation_not_of_case", field="seat")
    return card


def _require_readable(key: CaseKey, charter: Charter) -> None:
    """Words that nobody can read would be accepted unseen: the rules, and what is said about a path that one
    party can open alone (rule C4).
    """
    if texts.open_prose(key, charter.prose) is None:
        raise RefusedError("prose_unreadable")
    for path in charter.paths:
        if path.alone is not None and texts.open_alone(key, path.name, path.alone) is None:
            raise RefusedError("alone_unreadable", path=path.name)


def _shown(known: KnownCase, card: Card, proposal: Hash) -> CharterState:
    """The charter that was shown, and no other, even if it is the only one that waits for this card."""
    held = known.state.charters.get(proposal)
    if held is None or held.status not in (CharterStatus.PENDING, CharterStatus.IN_FORCE):
        raise RefusedError("nothing_to_accept", case=known.case)
    if any(holder == card.fingerprint for _, holder in held.missing):
        return held
    mine = tuple(seat for seat, holder in held.needed if holder == card.fingerprint)
    if not mine:
        raise RefusedError("nothing_to_accept", case=known.case)
    if held.status is CharterStatus.IN_FORCE:
        raise RefusedError("accepted_by_all", case=known.case, seats=mine)
    missing = tuple(dict.fromkeys(seat for seat, _ in held.missing))
    raise RefusedError("accepted_and_waiting", case=known.case, seats=mine, missing=missing)


def _only(case: CaseId, waiting: list[CharterState], proposal: Hash | None) -> CharterState:
    """The charter that was named, or the only one there is."""
    if proposal is not None:
        waiting = [held for held in waiting if held.proposal == proposal]
    if not waiting:
        raise RefusedError("nothing_to_accept", case=case)
    if len(waiting) > 1:
        raise RefusedError("proposal_ambiguous", proposals=tuple(held.proposal for held in waiting))
    return waiting[0]


def _only_seat(seats: tuple[str, ...]) -> str:
    if len(seats) != 1:
        raise RefusedError("seat_ambiguous", seats=seats)
    return seats[0]
