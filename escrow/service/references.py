"""An institution's own name for a case: the same name again leads to the same case, from any machine.

Rules (numbered as in README.md):
 N1  A reference is an id that its card's program derives from a secret and the institution's text. Here it is
     32 bytes that say nothing, and only that card can ask for it. Unknown and another's look alike.
 N2  Who opened a case, and nobody else, gives it a reference. To whom the case is nothing, it does not exist.
 N3  A reference, once given, stays. The same again changes nothing; another case is `reference_taken`.
"""

from dataclasses import dataclass

from escrow.errors import MalformedError, NotFoundError, RefusedError, UnavailableError
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Fingerprint, Hash
from escrow.model.wire import Fields, decode_json, encode_json
from escrow.service.desk import Desk
from escrow.service.gate import require_index, require_member, unknown
from escrow.store import names
from escrow.store.interface import Bucket, Outcome

MAX_REFERENCE = 200
"""Bytes of the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`proof`: 32 bytes in hex by which its card knows again that it gave this reference to this case."""

    case: CaseId
    proof: Hash


def give_reference(desk: Desk, caller: Fingerprint, reference: Hash, given: Reference) -> bool:
    """Whether it is new. NotFoundError `not_found`; RefusedError `reference_not_yours`, `reference_taken`."""
    require_index(desk, given.case, caller)
    with desk.journal.reading(given.case) as state:
        require_member(state, caller)
        if state.opening.charter.convenor.fingerprint != caller:
            raise RefusedError("reference_not_yours", convenor=state.opening.charter.convenor.fingerprint)
    name = names.reference(caller, reference)
    raw = encode_json({"case": given.case, "proof": given.proof})
    outcome = desk.store.create(Bucket.LEDGER, name, raw)
    if outcome is Outcome.ALREADY_OTHER:
        raise RefusedError("reference_taken", case=read_reference(desk, caller, reference).case)
    return outcome is Outcome.CREATED


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
