"""The case key: random, known to every seat and not to the operator; parties' texts are sealed under it.

XChaCha20-Poly1305 with a random nonce; the associated data says where a text belongs, so that none can be
moved to another field, record or case. Opening a record never needs this key. Rules (numbered as in
README.md):

 T1  A text is padded to whole blocks inside its encryption, so that "We accept." and "We refuse." look alike.
     A field that could not hold such a ciphertext is refused without the key.
 T2  Padding is a byte 80 and zeros to the end of that very block; whatever else stands there is refused.
"""

import secrets
from enum import StrEnum

from escrow.crypto import aead
from escrow.crypto.identity import Identity
from escrow.crypto.secret import Secret
from escrow.crypto.transcript import Label, digest, kdf
from escrow.errors import ForgedError, MalformedError
from escrow.model.wire import Fields, check_text

KEY_BYTES = 32
TEXT_BLOCK = 256
"""Bytes. Whole blocks rather than Padme: most texts are a line, and all lines should be of one length."""
TEXT_OVERHEAD = aead.NONCE_BYTES + aead.TAG_BYTES
MAX_TEXT_BLOCKS = 64
"""A label, purpose, note or reason of up to 16,383 bytes."""


class Place(StrEnum):
    """Fields that hold a text under the case key."""

    PROSE = "prose"
    ALONE = "alone"
    LABEL = "label"
    PATH_PURPOSE = "path-purpose"
    REQUEST_PURPOSE = "request-purpose"
    NOTE = "note"
    REASON = "reason"


def place(field: Place, *where: str) -> bytes:
    """Associated data of a text. `where` is, in order, what the room's README lists for the field."""
    return digest(Label.CASE_KEY_TEXT, field.encode(), *(part.encode() for part in where))


class CaseKey(Secret):
    """32 random bytes, never printed. MalformedError `case_key_malformed` for another length."""

    __slots__ = ()

    def __init__(self, *, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise MalformedError("case_key_malformed", field="case_key")
        super().__init__(raw)

    @classmethod
    def generate(cls) -> "CaseKey":
        return cls(raw=secrets.token_bytes(KEY_BYTES))

    @property
    def hash(self) -> str:
        """What the charter carries, in hex: one ciphertext may be made to open under two keys, this not."""
        return digest(Label.CASE_KEY_HASH, self._raw).hex()

    def require_hash(self, expected: str) -> None:
        if self.hash != expected:
            raise ForgedError("case_key_not_of_charter")

    def seal_text(self, text: str, at: bytes) -> bytes:
        """The ciphertext: its length tells the number of blocks and no more (rule T1)."""
        raw = check_text(text, limit=len(text), field="text").encode()
        return aead.seal_random(kdf(Label.CASE_KEY, self._raw), _pad(raw), at)

    def open_text(self, sealed: bytes, at: bytes) -> str:
        """ForgedError `ciphertext_false` when it was sealed elsewhere, by another key, or changed.

        MalformedError `text_padding_malformed`, `field_not_text`: genuine, and written wrongly.
        """
        raw = _unpad(aead.open_random(kdf(Label.CASE_KEY, self._raw), sealed, at))
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise MalformedError("field_not_text", field="text") from error

    def wrap_for_oneself(self, identity: Identity) -> bytes:
        """The case key under a key that only this identity derives: its file alone is enough later."""
        at = bytes.fromhex(self.hash)
        return aead.seal_random(identity.own_key(Label.IDENTITY_CASE_KEY, at), self._raw, at)

    @classmethod
    def unwrap_for_oneself(cls, identity: Identity, wrapped: bytes, expected_hash: str) -> "CaseKey":
        at = bytes.fromhex(expected_hash)
        key = cls(raw=aead.open_random(identity.own_key(Label.IDENTITY_CASE_KEY, at), wrapped, at))
        key.require_hash(expected_hash)
        return key


WRAPPED_KEY_BYTES = aead.NONCE_BYTES + KEY_BYTES + aead.TAG_BYTES


def read_sealed(fields: Fields, key: str, *, blocks: int = MAX_TEXT_BLOCKS) -> bytes:
    """A field that holds a text of up to `blocks` under the case key, as far as can be seen without it (T1).

    TooLargeError `field_too_large`, MalformedError `sealed_text_malformed`.
    """
    sealed = fields.data(key, limit=TEXT_OVERHEAD + blocks * TEXT_BLOCK)
    padded = len(sealed) - TEXT_OVERHEAD
    if padded <= 0 or padded % TEXT_BLOCK:
        raise MalformedError("sealed_text_malformed", field=fields.name(key))
    return sealed


def _pad(raw: bytes) -> bytes:
    """ISO/IEC 7816-4: there is one way to pad, and one way to take it off again."""
    return (raw + b"\x80").ljust(-(-(len(raw) + 1) // TEXT_BLOCK) * TEXT_BLOCK, b"\0")


def _unpad(padded: bytes) -> bytes:
    """Rule T2."""
    raw = padded.rstrip(b"\0")[:-1]
    if _pad(raw) != padded:
        raise MalformedError("text_padding_malformed", field="text")
    return raw
