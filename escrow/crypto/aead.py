"""One cipher: XChaCha20-Poly1305 in libsodium's IETF form, 32-byte keys, 24-byte nonces, 16-byte tags.

(draft-irtf-cfrg-xchacha-03.) The only file that calls a cipher or a password hash. The cipher does not commit
to its key: one ciphertext can be made that opens under two keys. Whoever needs more than "somebody with this
key wrote it" checks a hash besides, as sealing does with its commitment and p with its hash.
"""

from nacl import bindings, exceptions
from nacl._sodium import (
    ffi,
    lib,
)  # bindings, imported above, has called sodium_init(): without it 3 times slower
from nacl.pwhash import argon2id

from escrow.crypto import randomness
from escrow.errors import ForgedError

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
SALT_BYTES: int = argon2id.SALTBYTES

# For keys that encrypt one message in their life, and only for those.
SINGLE_USE_NONCE = bytes(NONCE_BYTES)


def seal(key: bytes, nonce: bytes, plaintext: bytes, ad: bytes) -> bytes:
    """Encrypt; 16 bytes longer than the plaintext. The caller owes a nonce that this key never saw."""
    sealed: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, ad, nonce, key)
    return sealed


def open_(key: bytes, nonce: bytes, ciphertext: bytes, ad: bytes) -> bytes:
    """Decrypt, or ForgedError `ciphertext_false`: other key, nonce, associated data, or changed bytes."""
    if len(ciphertext) < TAG_BYTES:
        raise ForgedError("ciphertext_false")
    try:
        plain: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, ad, nonce, key)
    except exceptions.CryptoError:
        raise ForgedError("ciphertext_false") from None
    return plain


def seal_random(key: bytes, plaintext: bytes, ad: bytes) -> bytes:
    """For keys used many times: a random nonce, which stands in front."""
    nonce = randomness.random_bytes(NONCE_BYTES)
    return nonce + seal(key, nonce, plaintext, ad)


def open_random(key: bytes, sealed: bytes, ad: bytes) -> bytes:
    """Undo `seal_random`, or ForgedError `ciphertext_false`."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise ForgedError("ciphertext_false")
    return open_(key, sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], ad)


def seal_into(out: memoryview, key: bytes, nonce: bytes, plaintext: memoryview) -> None:
    """`seal` for streams, without associated data, from one buffer into another that does not overlap it.

    The binding's own form takes and returns fresh `bytes`, and on pieces of 256 and 512 KiB reached half the
    throughput. So this calls the same C function on buffers that the caller uses again. `out` is exactly 16
    bytes longer than `plaintext`; anything else is a ValueError, since C would write past the end.
    """
    _check_sizes(key, nonce, plain=plaintext, sealed=out)
    lib.crypto_aead_xchacha20poly1305_ietf_encrypt(
        ffi.from_buffer(out, require_writable=True),
        ffi.NULL,
        ffi.from_buffer(plaintext),
        plaintext.nbytes,
        ffi.NULL,
        0,
        ffi.NULL,
        nonce,
        key,
    )


def open_into(out: memoryview, key: bytes, nonce: bytes, ciphertext: memoryview) -> None:
    """Undo `seal_into`, or ForgedError `ciphertext_false`; then `out` holds nothing of the plaintext."""
    _check_sizes(key, nonce, plain=out, sealed=ciphertext)
    failed: int = lib.crypto_aead_xchacha20poly1305_ietf_decrypt(
        ffi.from_buffer(out, require_writable=True),
        ffi.NULL,
        ffi.NULL,
        ffi.from_buffer(ciphertext),
        ciphertext.nbytes,
        ffi.NULL,
        0,
        nonce,
        key,
    )
    if failed:
        raise ForgedError("ciphertext_false")


def _check_sizes(key: bytes, nonce: bytes, *, plain: memoryview, sealed: memoryview) -> None:
    """C trusts these lengths. Only a caller's mistake can break them, never foreign bytes."""
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES or sealed.nbytes != plain.nbytes + TAG_BYTES:
        raise ValueError("key, nonce or buffer of the wrong size")


def stretch(passphrase: bytes, salt: bytes) -> bytes:
    """A 32-byte key from a passphrase: argon2id (RFC 9106), libsodium's "moderate": 3 passes over 256 MiB.

    The cost is part of the key file's format and never changes under the same kind of file.
    """
    key: bytes = argon2id.kdf(
        KEY_BYTES, passphrase, salt, opslimit=argon2id.OPSLIMIT_MODERATE, memlimit=argon2id.MEMLIMIT_MODERATE
    )
    return key
