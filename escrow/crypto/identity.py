"""A party's identity: one 32-byte seed, from which every key that the party will ever need is derived.

The key file is one upper-case bech32m line, `ESCROW-SECRET1...`. Its first byte is its kind:

1  the seed itself, 32 bytes;
2  a 16-byte salt, then the seed sealed (48 bytes) under argon2id "moderate" of the passphrase (NFC, UTF-8).

Whoever steals the seed has the party's signature, all its shares and all its past releases.
"""

import unicodedata
from typing import Self

from escrow.crypto import aead, bech32m, randomness
from escrow.crypto.card import Card
from escrow.crypto.group import Scalar, ed25519_public
from escrow.crypto.kem import KemSecret
from escrow.crypto.seat_keys import SeatKeys
from escrow.crypto.secret import Secret
from escrow.crypto.ticket import NONCE_BYTES, TicketKeys
from escrow.crypto.transcript import Label, digest, kdf, wide
from escrow.errors import ForgedError, MalformedError, SetupError

PREFIX = "escrow-secret"
SEED_BYTES = 32
MAX_LETTERS = 128  # a wrapped key file has 124

_PLAIN, _WRAPPED = b"\x01", b"\x02"
_BODY_BYTES = {_PLAIN: SEED_BYTES, _WRAPPED: aead.SALT_BYTES + SEED_BYTES + aead.TAG_BYTES}


class Identity(Secret):
    """The seed. Made by `generate`, `from_seed` or `load`; everything else is derived."""

    __slots__ = ()

    @classmethod
    def generate(cls) -> Self:
        """A new party. What `dump` gives must be kept: it cannot be made again."""
        return cls(randomness.random_bytes(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """MalformedError `seed_length` if it is not 32 bytes."""
        if len(seed) != SEED_BYTES:
            raise MalformedError("seed_length", field="seed")
        return cls(seed)

    def dump(self, passphrase: str | None = None) -> str:
        """The key file's line, without a line break. SetupError: `passphrase_empty`."""
        if passphrase is None:
            return bech32m.encode(PREFIX, _PLAIN + self._raw).upper()
        salt = randomness.random_bytes(aead.SALT_BYTES)
        sealed = aead.seal(_stretched(passphrase, salt), aead.SINGLE_USE_NONCE, self._raw, _file_ad(salt))
        return bech32m.encode(PREFIX, _WRAPPED + salt + sealed).upper()

    @classmethod
    def load(cls, text: str, passphrase: str | None = None) -> Self:
        """Read a key file; white space around the line is ignored, a passphrase for a plain file too.

        MalformedError `key_file_malformed`; SetupError `passphrase_needed`, `passphrase_wrong`,
        `passphrase_empty`.
        """
        kind, body = _parse(text.strip())
        if kind == _PLAIN:
            return cls(body)
        if passphrase is None:
            raise SetupError("passphrase_needed")
        salt, sealed = body[: aead.SALT_BYTES], body[aead.SALT_BYTES :]
        key = _stretched(passphrase, salt)
        try:
            return cls(aead.open_(key, aead.SINGLE_USE_NONCE, sealed, _file_ad(salt)))
        except ForgedError:
            raise SetupError("passphrase_wrong") from None

    @classmethod
    def parse(cls, text: str, passphrase: str | None = None) -> Self:
        """Another name for `load`."""
        return cls.load(text, passphrase)

    @property
    def card(self) -> Card:
        """The public half."""
        return Card(ed25519_public(self.signing_seed()).encode())

    def signing_seed(self) -> bytes:
        """The 32-byte Ed25519 private seed that signs this party's statements."""
        return kdf(Label.IDENTITY_SIGNING, self._raw)

    def seat_keys(self, case: str, seat: str) -> SeatKeys:
        """The keys for one seat of one case, the same every time."""
        place = (self._raw, case.encode(), seat.encode())
        return SeatKeys(
            opening=Scalar.from_wide(wide(Label.IDENTITY_OPENING, *place)),
            kem=KemSecret.from_seed(wide(Label.IDENTITY_KEM, *place)),
        )

    def ticket_keys(self, case: str, record: str, path: str, digest: bytes, nonce: bytes) -> TicketKeys:
        """The one-time keys of a ticket, the same every time.

        `nonce`: 32 bytes (else MalformedError `nonce_length`) that this reader's own client drew: one that
        somebody else chooses makes one Q serve two records.
        """
        if len(nonce) != NONCE_BYTES:
            raise MalformedError("nonce_length", field="nonce")
        place = (self._raw, case.encode(), record.encode(), path.encode(), digest, nonce)
        return TicketKeys(
            q=Scalar.from_wide(wide(Label.TICKET_Q, *place)),
            kem=KemSecret.from_seed(wide(Label.TICKET_KEM, *place)),
        )

    def own_key(self, purpose: Label, *context: bytes) -> bytes:
        """A 32-byte key that only this party can derive again, apart from all those above."""
        return kdf(Label.IDENTITY_OWN, self._raw, purpose.value.encode(), *context)


def _parse(text: str) -> tuple[bytes, bytes]:
    """Kind and body of a key file."""
    try:
        data = bech32m.decode(PREFIX, text, max_letters=MAX_LETTERS)
    except ValueError:
        raise MalformedError("key_file_malformed", field="identity") from None
    kind, body = data[:1], data[1:]
    if text != text.upper() or len(body) != _BODY_BYTES.get(kind):
        raise MalformedError("key_file_malformed", field="identity")
    return kind, body


def _stretched(passphrase: str, salt: bytes) -> bytes:
    if not passphrase:
        raise SetupError("passphrase_empty")
    return aead.stretch(unicodedata.normalize("NFC", passphrase).encode(), salt)


def _file_ad(salt: bytes) -> bytes:
    return digest(Label.IDENTITY_FILE, salt)
