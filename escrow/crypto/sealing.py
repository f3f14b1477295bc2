"""The order of a sealing, on bytes only: what is hashed into what, so that nothing is circular and nothing
unbound.

S1 r = H(author, case, charter, record)
S2 draw K; the commitment is H(r, K); payload and metadata are encrypted under labelled uses of K
S3 for each path c = H(r, the exact bytes of its complete terms, the list of (seat, fingerprint, y, ML-KEM
key))
S4 deal s with a fresh e; draw p; h = H(c, p)
S5 an envelope with p for every seat, bound to c and the seat
S6 the path key KDF(S, p, c) wraps K, with H(c, commitment, h) as associated data
S7 all these public values are the body; D = H(its exact bytes)
S8 d = H(D, the path's name); the dealing's weights and proof are bound to d

So nobody can sign another's dealing with another author, record, path, audience or seats: r, c or d would
differ. The cipher does not commit to its key; that is why K has a commitment, shared by all paths, that the
opener checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from escrow.crypto import aead, dealing, envelope, randomness
from escrow.crypto.dealing import Dealing
from escrow.crypto.envelope import Envelope
from escrow.crypto.group import Point, Scalar
from escrow.crypto.kem import KemSecret
from escrow.crypto.sharing import Shape
from escrow.crypto.transcript import DIGEST_BYTES, Label, digest, kdf
from escrow.errors import ForgedError, MalformedError

KEY_WRAP_BYTES = aead.KEY_BYTES + aead.TAG_BYTES
P_BYTES = envelope.CONTENT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatPublic:
    """One seat of a path as the ledger knows it: name, card's fingerprint (hex), both keys."""

    seat: str
    fingerprint: str
    opening_key: Point
    kem_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPath:
    """The public values of one path. MalformedError `sealed_path_length` where a fixed length is not met."""

    dealing: Dealing
    p_hash: bytes
    envelopes: tuple[Envelope, ...]
    key_wrap: bytes

    def __post_init__(self) -> None:
        for name, value, size in (
            ("p_hash", self.p_hash, DIGEST_BYTES),
            ("key_wrap", self.key_wrap, KEY_WRAP_BYTES),
        ):
            if len(value) != size:
                raise MalformedError("sealed_path_length", field=name)
        if len(self.envelopes) != len(self.dealing.C):
            raise MalformedError("sealed_path_length", field="envelopes")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathSecrets:
    """What opens the path without any seat: `e` and `p`. The depositor keeps them for a deposit slip, or
    forgets.
    """

    e: Scalar
    p: bytes = field(repr=False)


def record_context(author_fp: str, case: str, charter: str, record: str) -> bytes:
    """r, step S1: who deposits what where, under which rules. All four as the hex texts that name them."""
    return digest(Label.RECORD, *(text.encode() for text in (author_fp, case, charter, record)))


def commitment(r: bytes, K: bytes) -> bytes:
    """Step S2: binds the record to one key, whichever path unwraps it."""
    return digest(Label.COMMITMENT, r, K)


_commitment = commitment  # under its own name where an argument has the same


def path_context(r: bytes, terms: bytes, seats: Sequence[SeatPublic]) -> bytes:
    """c, step S3: the record, the path's exact signed terms, and who holds its seats with which keys."""
    flat: list[bytes] = []
    for seat in seats:
        flat += [seat.seat.encode(), seat.fingerprint.encode(), seat.opening_key.encode(), seat.kem_key]
    return digest(Label.PATH, r, terms, *flat)


def seal_path(
    c: bytes, commitment: bytes, K: bytes, shape: Shape, seats: Sequence[SeatPublic]
) -> tuple[SealedPath, PathSecrets]:
    """Steps S4 to S6 for one path; `seats` in the order of the leaves."""
    secret, dealt = dealing.deal(shape, [seat.opening_key for seat in seats])
    p = randomness.random_bytes(P_BYTES)
    p_hash = hash_p(c, p)
    envelopes = tuple(
        envelope.enclose(p, seat.kem_key, Label.ENVELOPE, envelope.seat_context(c, seat.seat))
        for seat in seats
    )
    ad = _wrap_ad(c, commitment, p_hash)
    key_wrap = aead.seal(_path_key(secret.S, p, c), aead.SINGLE_USE_NONCE, K, ad)
    sealed = SealedPath(dealing=dealt, p_hash=p_hash, envelopes=envelopes, key_wrap=key_wrap)
    return sealed, PathSecrets(e=secret.e, p=p)


def dealing_digest(body: bytes, path_name: str) -> bytes:
    """d, steps S7 and S8: names one path of one sealing, whole."""
    return digest(Label.DEALING, digest(Label.BODY, body), path_name.encode())


def prove_path(
    shape: Shape, seats: Sequence[SeatPublic], sealed: SealedPath, secrets: PathSecrets, digest: bytes
) -> bytes:
    """The proof that goes beside the body, 64 bytes."""
    return dealing.prove_dealing(shape, _opening_keys(seats), sealed.dealing, secrets.e, digest)


def verify_path(
    shape: Shape, seats: Sequence[SeatPublic], sealed: SealedPath, proof: bytes, digest: bytes
) -> None:
    """Return if every quorum of these seats opens one secret; errors as `dealing.verify_dealing`."""
    dealing.verify_dealing(shape, _opening_keys(seats), sealed.dealing, proof, digest)


def check_envelope(c: bytes, sealed: SealedPath, index: int, seat: str, kem: KemSecret) -> bytes:
    """p, out of the seat's own envelope. ForgedError `envelope_false` naming `seat`: unreadable, or another
    p.
    """
    try:
        context = envelope.seat_context(c, seat)
        p = envelope.disclose(sealed.envelopes[index], kem, Label.ENVELOPE, context)
        check_p(c, p, sealed.p_hash)
    except ForgedError:
        raise ForgedError("envelope_false", seat=seat) from None
    return p


def hash_p(c: bytes, p: bytes) -> bytes:
    """h, step S4."""
    return digest(Label.P_HASH, c, p)


def check_p(c: bytes, p: bytes, p_hash: bytes) -> None:
    """Return, or ForgedError `p_false`: not the p that the depositor sealed this path with."""
    if hash_p(c, p) != p_hash:
        raise ForgedError("p_false")


def open_key(c: bytes, commitment: bytes, sealed: SealedPath, S: Point, p: bytes, r: bytes) -> bytes:
    """K, from the path's secret and p. The depositor is to blame for whatever is false here, given verified
    shares.

    ForgedError: `p_false`; `key_wrap_false`, S and p do not unwrap; `commitment_false`, they unwrap another
    key than the record's.
    """
    check_p(c, p, sealed.p_hash)
    ad = _wrap_ad(c, commitment, sealed.p_hash)
    try:
        K = aead.open_(_path_key(S, p, c), aead.SINGLE_USE_NONCE, sealed.key_wrap, ad)
    except ForgedError:
        raise ForgedError("key_wrap_false") from None
    if _commitment(r, K) != commitment:
        raise ForgedError("commitment_false")
    return K


def _path_key(S: Point, p: bytes, c: bytes) -> bytes:
    return kdf(Label.PATH_KEY, S.encode(), p, c)


def _wrap_ad(c: bytes, commitment: bytes, p_hash: bytes) -> bytes:
    return digest(Label.KEY_WRAP, c, commitment, p_hash)


def _opening_keys(seats: Sequence[SeatPublic]) -> list[Point]:
    return [seat.opening_key for seat in seats]
