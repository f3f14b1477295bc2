"""A small case for the tests of this room: seats, one sealed path, all keys from labelled seeds."""

import hashlib
from dataclasses import dataclass

from escrow.crypto import sealing, sign_off
from escrow.crypto.dealing import Dealing
from escrow.crypto.group import Point, Scalar, base_mul, mul
from escrow.crypto.identity import Identity
from escrow.crypto.sealing import PathSecrets, SealedPath, SeatPublic
from escrow.crypto.seat_keys import SeatKeys
from escrow.crypto.sharing import Gate, Leaf, Shape

CASE, CHARTER, RECORD = "ca" * 32, "c4" * 32, "4e" * 16
TWO_OF_THREE = Gate(k=2, children=(Leaf(), Leaf(), Leaf()))


def seed(name: str, size: int = 32) -> bytes:
    """Bytes that this name always gives."""
    return hashlib.shake_256(name.encode()).digest(size)


def scalar(name: str) -> Scalar:
    return Scalar.from_wide(seed(name, 64))


def party(name: str) -> Identity:
    return Identity.from_seed(seed(f"party {name}"))


def seat_keys(count: int, case: str = CASE) -> list[SeatKeys]:
    return [party(f"seat {i}").seat_keys(case, f"seat-{i}") for i in range(count)]


def opening_keys(count: int) -> list[Point]:
    return [keys.opening_key for keys in seat_keys(count)]


def plain_dealing(values: list[Scalar], keys: list[Point], e: Scalar) -> Dealing:
    """The dealing of chosen share values, good or not."""
    return Dealing(E=base_mul(e), C=tuple(base_mul(a) + mul(e, y) for a, y in zip(values, keys, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """One record with one path, as a verifier and its seats know it."""

    author: str
    terms: bytes
    shape: Shape
    keys: list[SeatKeys]
    seats: list[SeatPublic]
    r: bytes
    c: bytes
    K: bytes
    commitment: bytes
    path: SealedPath
    secrets: PathSecrets
    digest: bytes
    proof: bytes

    def opened(self, leaves: tuple[int, ...]) -> Point:
        """S, from public answers of these leaves."""
        E = self.path.dealing.E
        shares = {}
        for i in leaves:
            W = sign_off.answer(self.keys[i], E, b"context").W
            shares[i] = sign_off.opened_share(self.path.dealing.C[i], W, self.keys[i].opening_key, None)
        return sign_off.recombine(self.shape, shares)


def sealed(
    *,
    shape: Shape = TWO_OF_THREE,
    count: int = 3,
    author: str = "author",
    record: str = RECORD,
    terms: bytes = b"2 of (seat-0, seat-1, seat-2), audience: named",
    path: str = "settlement",
    K: bytes = bytes(range(32)),
) -> Sealed:
    fingerprint = party(author).card.fingerprint
    keys = seat_keys(count)
    seats = [
        SeatPublic(
            seat=f"seat-{i}",
            fingerprint=party(f"seat {i}").card.fingerprint,
            opening_key=own.opening_key,
            kem_key=own.kem_key,
        )
        for i, own in enumerate(keys)
    ]
    r = sealing.record_context(fingerprint, CASE, CHARTER, record)
    commitment = sealing.commitment(r, K)
    c = sealing.path_context(r, terms, seats)
    sealed_path, secrets = sealing.seal_path(c, commitment, K, shape, seats)
    body = terms + sealed_path.key_wrap + b"".join(point.encode() for point in sealed_path.dealing.C)
    digest = sealing.dealing_digest(body, path)
    return Sealed(
        author=fingerprint,
        terms=terms,
        shape=shape,
        keys=keys,
        seats=seats,
        r=r,
        c=c,
        K=K,
        commitment=commitment,
        path=sealed_path,
        secrets=secrets,
        digest=digest,
        proof=sealing.prove_path(shape, seats, sealed_path, secrets, digest),
    )
