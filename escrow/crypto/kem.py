"""ML-KEM-768 (FIPS 203), through pyca/cryptography: what keeps records shut when discrete logarithms fall.

Keys are checked when decoded (length and modulus), ciphertexts by length. A ciphertext that was not made for
a key decapsulates to a secret that nobody else has (implicit rejection): it is the cipher around it that
notices.
"""

from typing import Self

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from escrow.crypto.secret import Secret
from escrow.errors import MalformedError

SEED_BYTES = 64
PUBLIC_BYTES = 1184
CIPHERTEXT_BYTES = 1088
SHARED_BYTES = 32


class KemSecret(Secret):
    """A decapsulation key, kept as its 64-byte FIPS 203 seed (d || z)."""

    __slots__ = ("_key", "public")
    _key: MLKEM768PrivateKey
    public: bytes

    def __init__(self, unsafe_raw: bytes) -> None:
        super().__init__(unsafe_raw)
        key = MLKEM768PrivateKey.from_seed_bytes(unsafe_raw)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public", key.public_key().public_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key pair that this seed makes; MalformedError `kem_seed_length` if it is not 64 bytes."""
        if len(seed) != SEED_BYTES:
            raise MalformedError("kem_seed_length", field="seed")
        return cls(seed)

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """The 32-byte shared secret; MalformedError `kem_ciphertext_length` if it is not 1088 bytes."""
        if len(ciphertext) != CIPHERTEXT_BYTES:
            raise MalformedError("kem_ciphertext_length", field="ciphertext")
        return self._key.decapsulate(ciphertext)


def check_public(raw: bytes, *, field: str = "kem_key") -> bytes:
    """The same bytes, if they are a key (FIPS 203, 7.2); else MalformedError `kem_key_malformed`."""
    _load(raw, field)
    return raw


def encapsulate(public: bytes) -> tuple[bytes, bytes]:
    """A fresh (ciphertext, shared secret) for this key."""
    secret, ciphertext = _load(public, "kem_key").encapsulate()
    return ciphertext, secret


def _load(raw: bytes, field: str) -> MLKEM768PublicKey:
    if len(raw) != PUBLIC_BYTES:
        raise MalformedError("kem_key_malformed", field=field)
    try:
        return MLKEM768PublicKey.from_public_bytes(raw)
    except ValueError:
        raise MalformedError("kem_key_malformed", field=field) from None
