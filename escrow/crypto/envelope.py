"""An envelope: 32 bytes handed to one holder of an ML-KEM key, for one place and nowhere else.

ML-KEM-768 makes a shared secret; a key derived from it, its ciphertext, the recipient's key and the context
wraps the 32 bytes. Without the context, whoever unwraps and passes on is an oracle: copy Alice's ciphertext
into a record of your own and let her open it for you. Two labelled uses: p for a seat, in a sealing (context
`seat_context`), and p for a reader, in a sign-off (context `ticket_context`).
"""

from dataclasses import dataclass, field

from escrow.crypto import aead, kem
from escrow.crypto.kem import KemSecret
from escrow.crypto.transcript import Label, digest, kdf
from escrow.errors import ForgedError, MalformedError

CONTENT_BYTES = 32
CIPHERTEXT_BYTES = kem.CIPHERTEXT_BYTES
WRAPPED_BYTES = CONTENT_BYTES + aead.TAG_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A KEM ciphertext (1088 bytes) and what its secret wraps (48); else MalformedError `envelope_length`."""

    ciphertext: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.ciphertext) != CIPHERTEXT_BYTES:
            raise MalformedError("envelope_length", field="ciphertext")
        if len(self.wrapped) != WRAPPED_BYTES:
            raise MalformedError("envelope_length", field="wrapped")


def seat_context(c: bytes, seat: str) -> bytes:
    """For an envelope in a sealing: the path's context and the seat."""
    return digest(Label.CONTEXT_ENVELOPE, c, seat.encode())


def ticket_context(request: bytes, seat: str) -> bytes:
    """For an envelope in a sign-off: the signed request's hash and the seat that passes p on."""
    return digest(Label.CONTEXT_TICKET_ENVELOPE, request, seat.encode())


def enclose(p: bytes, kem_key: bytes, label: Label, context: bytes) -> Envelope:
    """Wrap 32 bytes for the holder of `kem_key`; `label` is ENVELOPE or TICKET_ENVELOPE."""
    ciphertext, secret = kem.encapsulate(kem_key)
    key = kdf(label, secret, ciphertext, kem_key, context)
    return Envelope(ciphertext=ciphertext, wrapped=aead.seal(key, aead.SINGLE_USE_NONCE, p, context))


def disclose(env: Envelope, kem: KemSecret, label: Label, context: bytes) -> bytes:
    """The 32 bytes, or ForgedError `envelope_false`: not for this key, this use or this place, or changed."""
    key = kdf(label, kem.decapsulate(env.ciphertext), env.ciphertext, kem.public, context)
    try:
        return aead.open_(key, aead.SINGLE_USE_NONCE, env.wrapped, context)
    except ForgedError:
        raise ForgedError("envelope_false") from None
