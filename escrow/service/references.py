"""An institution's own name for a case: the same name again leads to the same case, from any machine.

Rules (numbered as in README.md):
 N1  A reference is an id that its card's program derives from a secret and the institution's text. Here it is
     32 bytes that say nothing, and only that card can ask for it. Unknown and another's look alike.
 N2  Who opened a case, and nobody else, gives it a reference. To whom the case is nothing, it does not exist.
 N3  A reference, once given, stays. The same again changes nothing; another case is `reference_taken`.
 N4  A case has at most MOST_OF_A_CASE references, since nobody can remove one. Before a reference is given it
     has taken one of the case's places for them, each an object that says which reference has it.
"""

from dataclasses import dataclass

from escrow.errors import MalformedError, NotFoundError, RefusedError, UnavailableError
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Fingerprint, Hash
from escrow.model.wire import Fields, decode_json, encode_json
from escrow.service.desk import Desk
from escrow.service.gate import require_index, require_member, unknown
from escrow.store import names
from escrow.store.interface import Bucket, Outcome

MOST_OF_A_CASE = 8
"""Mostly one is needed, and a few where a file is renumbered."""
MAX_REFERENCE = 200
"""Bytes of the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`proof`: 32 bytes in hex by which its card knows again that it gave this reference to this case."""

    case: CaseId
    proof: Hash


def give_reference(desk: Desk, caller: Fingerprint, reference: Hash, given: Reference) -> bool:
    """Whether it is new.

    NotFoundError `not_found`; RefusedError `reference_not_yours`, `reference_taken`, `references_full`.
    """
    require_index(desk, given.case, caller)
    with desk.journal.reading(given.case) as state:
        require_member(state, caller)
        if state.opening.charter.convenor.fingerprint != caller:
            raise RefusedError("reference_not_yours", convenor=state.opening.charter.convenor.fingerprint)
    try:
        return _require_same(desk, caller, reference, given)
    except NotFoundError:
        _take_place(desk, caller, reference, given.case)
    raw = encode_json({"case": given.case, "proof": given.proof})
    outcome = desk.store.create(Bucket.LEDGER, names.reference(caller, reference), raw)
    if outcome is Outcome.CREATED:
        return True
    return _require_same(desk, caller, reference, given)  # another machine of this card was faster


def _require_same(desk: Desk, caller: Fingerprint, reference: Hash, given: Reference) -> bool:
    """N3: False, since it is not new."""
    held = read_reference(desk, caller, reference)
    if held != given:
        raise RefusedError("reference_taken", case=held.case)
    return False


def _take_place(desk: Desk, caller: Fingerprint, reference: Hash, case: CaseId) -> None:
    """N4. The place that it took when its giving was broken off is its own."""
    raw = encode_json({"reference": reference})
    for number in range(MOST_OF_A_CASE):
        place = names.reference_place(caller, case, number)
        if desk.store.create(Bucket.LEDGER, place, raw) is not Outcome.ALREADY_OTHER:
            return
    raise RefusedError("references_full", limit=MOST_OF_A_CASE)


def read_reference(desk: Desk, caller: Fingerprint, reference: Hash) -> Reference:
    """NotFoundError `not_found`; UnavailableError `stored_object_differs` where it is damaged."""
    name = names.reference(caller, reference)
    try:
        raw = desk.store.get(Bucket.LEDGER, name, limit=MAX_REFERENCE)
        fields = Fields(decode_json(raw, limit=MAX_REFERENCE, field="reference"), at="reference")
        found = Reference(
            case=fields.hex("case", size=CASE_BYTES), proof=fields.hex("proof", size=HASH_BYTES)
        )
        fields.done()
    except NotFoundError:
        raise unknown() from None
    except MalformedError as error:
        raise UnavailableError("stored_object_differs", object=name) from error
    return found
