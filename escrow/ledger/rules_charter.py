"""Rules S1 to S3: a case is opened with a charter; another is proposed; everybody concerned accepts.

A charter comes into force when every pair of seat and card, of it and of the one it replaces, has accepted
this very proposal by its hash. So no charter can be put back by a few, and nobody is moved out of a seat
unasked.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from escrow.crypto.card import Card
from escrow.crypto.seat_keys import verify_seat_keys
from escrow.errors import ForgedError, RefusedError
from escrow.ledger.room import charge_opening
from escrow.ledger.scene import Effect, Scene
from escrow.ledger.state import Acceptance, CaseState, CharterState, CharterStatus, Pair
from escrow.ledger.statement import Head, Statement
from escrow.model.charter import Charter
from escrow.model.contexts import seat_keys_context
from escrow.model.deeds import CaseOpened, CharterAccepted, CharterProposed
from escrow.model.ids import Hash


def require_service(deed: CaseOpened, service: Card) -> None:
    """S1, as a service sees it: it does not keep cases that pin another card. RefusedError."""
    if deed.charter.service.card != service:
        raise RefusedError("service_card_not_ours", expected=service.fingerprint)


def open_case(statement: Statement, deed: CaseOpened, *, entry: Hash, at: datetime) -> CaseState:
    """S1: the state after the first entry, whose hash is `entry`."""
    charter = deed.charter
    opening = CharterState(
        charter=charter,
        proposal=statement.hash,
        replaces=None,
        n=0,
        author=statement.author,
        wrapped_case_key=deed.wrapped_case_key,
        needed=_pairs(charter),
    )
    return CaseState(
        case=statement.hash,
        service=charter.service.card,
        head=Head(n=0, hash=entry),
        received_at=at,
        charters={statement.hash: opening},
        statements={statement.hash: 0},
        entries={0: entry},
        signed=[(0, charter.service.card)],
        cards=opening.cards,
        charged={charter.convenor.fingerprint: charge_opening(charter)},
    )


def propose(scene: Scene, deed: CharterProposed) -> Effect:
    """S2: by the convenor or a seat, in place of what holds now; convenor and case key stay."""
    state = scene.state
    scene.require_member()
    current = state.current
    if deed.replaces != current.proposal:
        raise RefusedError("charter_not_current", replaces=deed.replaces, current=current.proposal)
    scene.require_seen(current.n)
    _require_same_frame(current.charter, deed.charter)
    proposed = CharterState(
        charter=deed.charter,
        proposal=scene.hash,
        replaces=deed.replaces,
        n=scene.n,
        author=scene.author,
        wrapped_case_key=deed.wrapped_case_key,
        needed=tuple(dict.fromkeys(_pairs(deed.charter) + _pairs(current.charter))),
    )

    def effect() -> None:
        state.charters[proposed.proposal] = proposed
        state.cards |= proposed.cards

    return effect


def accept(scene: Scene, deed: CharterAccepted) -> Effect:
    """S3: by the holder of a seat that must accept, once, with keys that are nobody else's in this case."""
    state = scene.state
    proposed = _acceptable(scene, deed)
    pair = (deed.seat, scene.fingerprint)
    _require_own_keys(state, deed, pair)
    if scene.proofs:
        _require_proof(scene, deed)
    accepted = Acceptance(
        seat=deed.seat,
        card=scene.author,
        opening_key=deed.opening_key,
        kem_key=deed.kem_key,
        wrapped_case_key=deed.wrapped_case_key,
        n=scene.n,
    )
    after = replace(proposed, acceptances=_with(proposed.acceptances, pair, accepted))

    def effect() -> None:
        state.opening_keys[deed.opening_key] = pair
        state.kem_keys[deed.kem_key] = pair
        state.charters[after.proposal] = after
        if not after.missing:
            _bring_in_force(state, after, scene.n)

    return effect


def _acceptable(scene: Scene, deed: CharterAccepted) -> CharterState:
    """The proposal, if this author can still accept it for this seat."""
    proposed = scene.state.charters.get(deed.proposal)
    if proposed is None:
        raise RefusedError("charter_unknown", charter=deed.proposal)
    scene.require_seen(proposed.n)
    if proposed.status is CharterStatus.LAPSED:
        raise RefusedError("charter_lapsed", charter=deed.proposal)
    if proposed.status is CharterStatus.REPLACED:
        raise RefusedError("charter_replaced", charter=deed.proposal)
    pair = (deed.seat, scene.fingerprint)
    if pair not in proposed.needed:
        raise RefusedError("not_the_holder", seat=deed.seat, author=scene.fingerprint)
    if pair in proposed.acceptances:
        raise RefusedError("already_accepted", seat=deed.seat)
    return proposed


def _require_own_keys(state: CaseState, deed: CharterAccepted, pair: Pair) -> None:
    """With one opening key in two seats, the difference of their C hands a third seat the record."""
    other = state.opening_keys.get(deed.opening_key, pair)
    if other != pair:
        raise RefusedError("opening_key_taken", seat=deed.seat, other=other[0])
    other = state.kem_keys.get(deed.kem_key, pair)
    if other != pair:
        raise RefusedError("kem_key_taken", seat=deed.seat, other=other[0])


def _require_proof(scene: Scene, deed: CharterAccepted) -> None:
    context = seat_keys_context(scene.state.case, deed.seat, deed.proposal, scene.author)
    try:
        verify_seat_keys(deed.opening_key, deed.kem_key, deed.proof, context)
    except ForgedError as error:
        raise ForgedError(error.code, seat=deed.seat, author=scene.fingerprint) from error


def _bring_in_force(state: CaseState, accepted: CharterState, n: int) -> None:
    """What held before is replaced; whatever else is pending lapses, with whom it alone named."""
    for proposal, charter in state.charters.items():
        if proposal in (state.in_force, accepted.replaces):
            state.charters[proposal] = replace(charter, status=CharterStatus.REPLACED)
        elif charter.status is CharterStatus.PENDING:
            state.charters[proposal] = replace(charter, status=CharterStatus.LAPSED)
    state.charters[accepted.proposal] = replace(accepted, status=CharterStatus.IN_FORCE, in_force_n=n)
    state.in_force = accepted.proposal
    state.service = accepted.charter.service.card  # L5: from the next entry on
    kept = [charter for charter in state.charters.values() if charter.status is not CharterStatus.LAPSED]
    state.cards = {fingerprint: card for charter in kept for fingerprint, card in charter.cards.items()}


def _require_same_frame(current: Charter, proposed: Charter) -> None:
    if proposed.convenor != current.convenor:
        raise RefusedError("convenor_changed")
    if proposed.case_key_hash != current.case_key_hash:
        raise RefusedError("case_key_changed")


def _pairs(charter: Charter) -> tuple[Pair, ...]:
    return tuple((seat, card.fingerprint) for seat, card in charter.seats.items())


def _with(
    acceptances: Mapping[Pair, Acceptance], pair: Pair, accepted: Acceptance
) -> Mapping[Pair, Acceptance]:
    return MappingProxyType({**acceptances, pair: accepted})
