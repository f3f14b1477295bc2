"""What a drop-off order promises of a document, without telling anybody else what that is.

The order lies open on the ledger, and a document may be guessed: so its digest is salted, and the salt
travels under the record key K, for whoever opens the record. Rules (numbered as in README.md):

 Z1  The digest is H(salt; metadata as M2 spells it; SHA-256 of the document): title, file name, media type
     and true length are promised together with the bytes.
 Z2  The salt is 32 random bytes, fresh for every order, and sealed under a labelled use of K with the
     record's context r.
"""

from escrow.crypto import aead, randomness
from escrow.crypto.metadata import Metadata
from escrow.crypto.transcript import Label, digest, kdf
from escrow.errors import ForgedError

SALT_BYTES = 32
SEALED_SALT_BYTES = aead.NONCE_BYTES + SALT_BYTES + aead.TAG_BYTES


def new_salt() -> bytes:
    """32 random bytes, which keep the digest in a public order from being guessed from a known file."""
    return randomness.random_bytes(SALT_BYTES)


def ordered_digest(salt: bytes, metadata: Metadata, sha256: bytes) -> bytes:
    """Z1, 32 bytes. `sha256` is the plain document's."""
    return digest(Label.DROP_OFF, salt, metadata.emit(), sha256)


def seal_salt(key: bytes, r: bytes, salt: bytes) -> bytes:
    """Z2. `key` is the record key K. SEALED_SALT_BYTES long."""
    return aead.seal_random(kdf(Label.DROP_OFF_SALT_KEY, key), salt, r)


def open_salt(key: bytes, r: bytes, sealed: bytes) -> bytes:
    """Undo `seal_salt`. ForgedError `drop_off_salt_false`: whoever sealed the record made it so."""
    try:
        salt = aead.open_random(kdf(Label.DROP_OFF_SALT_KEY, key), sealed, r)
    except ForgedError:
        raise ForgedError("drop_off_salt_false") from None
    if len(salt) != SALT_BYTES:
        raise ForgedError("drop_off_salt_false")
    return salt
