"""One way to hash, and the one table of labels.

Every hash, challenge and derived key of Escrow is BLAKE2b (RFC 7693) over a list of fields, each prefixed by
its length as 8 bytes big-endian. The first field is the format, the second the label of the purpose. So two
different lists of fields are never the same bytes, and a value made for one purpose means nothing for
another. SHA-256 appears once: as the digest of payloads, because that is what people and object stores can
compute too.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum

FORMAT = b"escrow/v1"
DIGEST_BYTES = 32
WIDE_BYTES = 64


class Label(StrEnum):
    """Every purpose that anything in Escrow is hashed for. One label, one purpose, one list of fields."""

    IDENTITY_SIGNING = "identity-signing"  # a party's seed -> its Ed25519 seed
    IDENTITY_OPENING = "identity-opening"  # seed, case, seat -> opening key x
    IDENTITY_KEM = "identity-kem"  # seed, case, seat -> ML-KEM seed
    IDENTITY_OWN = "identity-own"  # seed, purpose, context -> a key that only this party can derive
    IDENTITY_CASE_KEY = "identity-case-key"  # a purpose of the above: wrapping the case key for oneself
    IDENTITY_REFERENCE = "identity-reference"  # likewise: service, text -> a case's id
    IDENTITY_REFERENCE_PROOF = "identity-reference-proof"  # likewise, with the case
    IDENTITY_WEBHOOK = (
        "identity-webhook"  # likewise, without context: the seed that signs a service's webhooks
    )
    IDENTITY_FILE = "identity-file"  # associated data of a key file wrapped with a passphrase
    TICKET_Q = "ticket-q"
    TICKET_KEM = "ticket-kem"
    FINGERPRINT = "fingerprint"

    PROOF_SEAT_KEYS = "proof-seat-keys"
    PROOF_TICKET = "proof-ticket"
    PROOF_DEALING = "proof-dealing"
    PROOF_SIGN_OFF = "proof-sign-off"
    PROOF_STATEMENT = "proof-statement"  # all that a proof is about, hashed once for nonce and challenge
    PROOF_NONCE = "proof-nonce"

    RECORD = "record"  # author, case, charter, record -> r
    PATH = "path"  # r, terms, seats -> c
    P_HASH = "p-hash"  # c, p -> h
    PATH_KEY = "path-key"  # S, p, c -> the key that wraps K
    KEY_WRAP = "key-wrap"  # c, commitment, h -> associated data of that wrap
    COMMITMENT = "commitment"  # r, K
    BODY = "body"  # the exact bytes of a sealing's body -> D
    DEALING = "dealing"  # D, path's name -> d
    DEALING_WEIGHTS = "dealing-weights"  # the seed of a dealing's dual word
    DEALING_POLYNOMIAL = "dealing-polynomial"  # that seed, gate, coefficient -> one coefficient
    ENVELOPE = "envelope"
    TICKET_ENVELOPE = "ticket-envelope"
    CONTEXT_ENVELOPE = "context-envelope"  # c, seat
    CONTEXT_TICKET_ENVELOPE = "context-ticket-envelope"  # request, seat

    PAYLOAD_KEY = "payload-key"
    METADATA_KEY = "metadata-key"
    DROP_OFF = "drop-off"  # salt, metadata, SHA-256 of the document -> what a drop-off order promises
    DROP_OFF_ORDER = "drop-off-order"  # an order's signing input -> its name
    DROP_OFF_SALT_KEY = "drop-off-salt-key"

    STATEMENT = "statement"
    ENTRY = "entry"
    SHARE_OBJECT = "share-object"
    SNAPSHOT = "snapshot"  # the bytes of a case's state that the service signs for itself
    SNAPSHOT_FORM = "snapshot-form"  # how that state is written down
    WEBHOOK_MESSAGE = "webhook-message"  # owner, hook, case, entry's number -> a message's id
    CASE_KEY = "case-key"
    CASE_KEY_HASH = "case-key-hash"
    CASE_KEY_TEXT = "case-key-text"
    CONTEXT_SEAT_KEYS = "context-seat-keys"
    CONTEXT_TICKET = "context-ticket"
    CONTEXT_SIGN_OFF = "context-sign-off"
    REQUEST_P = "request-p"


def _hash(size: int, label: Label, fields: Iterable[bytes]) -> bytes:
    state = hashlib.blake2b(digest_size=size)
    for field in (FORMAT, label.value.encode("ascii"), *fields):
        state.update(len(field).to_bytes(8, "big"))
        state.update(field)
    return state.digest()


def digest(label: Label, *fields: bytes) -> bytes:
    """32 bytes that name exactly this list of fields under this label."""
    return _hash(DIGEST_BYTES, label, fields)


def wide(label: Label, *fields: bytes) -> bytes:
    """64 bytes, for a scalar without bias or an ML-KEM seed. Unrelated to `digest`: the size is hashed in."""
    return _hash(WIDE_BYTES, label, fields)


def kdf(label: Label, secret: bytes, *context: bytes) -> bytes:
    """A 32-byte key from a secret of full entropy (never a passphrase), bound to its purpose and context."""
    return _hash(DIGEST_BYTES, label, (secret, *context))


class Sha256:
    """SHA-256 of a payload as it streams by."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = hashlib.sha256()

    def update(self, piece: bytes | memoryview) -> None:
        self._state.update(piece)

    def digest(self) -> bytes:
        return self._state.digest()
