"""An institution's own name for a case ("ADR-2026-0417"), which no operator and no reader of storage learns.

What the service is told is a key that only this identity derives from the service's URL and the text, and a
proof that this party gave this reference to this case, so that a service cannot swap two cases.
"""

import hmac
import unicodedata
from dataclasses import dataclass, field

from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label
from escrow.errors import ForgedError, MalformedError
from escrow.model.ids import CaseId, Hash

MAX_REFERENCE_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`id`: 32 bytes in hex, the same every time. Made by `Reference.of`."""

    id: Hash
    _place: tuple[bytes, bytes] = field(repr=False)
    _identity: Identity = field(repr=False)

    @classmethod
    def of(cls, identity: Identity, url: str, text: str) -> "Reference":
        """MalformedError `reference_malformed`: empty, too long, not printable, or with space around it."""
        text = unicodedata.normalize("NFC", text)
        if not text or text != text.strip() or not text.isprintable() or len(text) > MAX_REFERENCE_CHARS:
            raise MalformedError("reference_malformed", field="reference", limit=MAX_REFERENCE_CHARS)
        place = (url.encode(), text.encode())
        raw = identity.own_key(Label.IDENTITY_REFERENCE, *place)
        return cls(id=raw.hex(), _place=place, _identity=identity)

    def proof(self, case: CaseId) -> Hash:
        """What only this party can say of this reference and this case."""
        return self._identity.own_key(Label.IDENTITY_REFERENCE_PROOF, *self._place, case.encode()).hex()

    def require(self, case: CaseId, untrusted_proof: Hash) -> None:
        """ForgedError `reference_false` (case)."""
        if not hmac.compare_digest(self.proof(case), untrusted_proof):
            raise ForgedError("reference_false", case=case)
