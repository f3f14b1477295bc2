"""edwards25519 in slow plain Python, straight from RFC 8032: what the fast group is compared with.

Knows every point of the curve, torsion included, because it must produce the ones that Escrow refuses.
"""

from dataclasses import dataclass

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


@dataclass(frozen=True)
class Twin:
    x: int
    y: int

    def __add__(self, other: "Twin") -> "Twin":
        cross = D * self.x * other.x * self.y * other.y % P
        x = (self.x * other.y + other.x * self.y) * pow(1 + cross, -1, P) % P
        y = (self.y * other.y + self.x * other.x) * pow(1 - cross, -1, P) % P
        return Twin(x, y)

    def __neg__(self) -> "Twin":
        return Twin(-self.x % P, self.y)

    def __sub__(self, other: "Twin") -> "Twin":
        return self + -other

    def __rmul__(self, n: int) -> "Twin":
        total, power = ZERO, self
        while n:
            if n & 1:
                total = total + power
            power, n = power + power, n >> 1
        return total

    def encode(self) -> bytes:
        return (self.y | (self.x & 1) << 255).to_bytes(32, "little")


ZERO = Twin(0, 1)


def lift(y: int, sign: int) -> Twin | None:
    """The point with this y and this parity of x, if there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return Twin(x if x & 1 == sign else P - x, y)


def decode(raw: bytes) -> Twin | None:
    number = int.from_bytes(raw, "little")
    y = number % 2**255
    return lift(y, number >> 255) if y < P else None


def _base() -> Twin:
    point = lift(4 * pow(5, -1, P) % P, 0)
    if point is None:
        raise ValueError("base point")
    return point


B = _base()


def _eighth() -> Twin:
    """A point of order 8: some point, with its part of order L multiplied away."""
    for y in range(2, 100):
        point = lift(y, 0)
        if point is not None and 4 * (torsion := L * point) != ZERO:
            return torsion
    raise ValueError("no point of order 8")


LOW_ORDER = tuple(n * _eighth() for n in range(8))  # the identity first


def non_canonical() -> list[bytes]:
    """Every 32 bytes that a lenient decoder takes for a point wrongly: y >= p, or x = -0."""
    huge = [
        (y, sign)
        for y in range(P, 2**255)
        for sign in (0, 1)
        if y - P in (0, 1) or lift(y - P, sign) is not None
    ]
    return [(y | sign << 255).to_bytes(32, "little") for y, sign in [*huge, (1, 1), (P - 1, 1)]]
