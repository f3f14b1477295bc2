"""What dealing, signing off and opening cost, as multiples of the libsodium calls they cannot do without.

    .venv/bin/python scripts/bench_parts/crypto.py [--rounds 15] [--json]

Every figure is a ratio within one run: each round times libsodium's bare calls before and after our work;
the median over the rounds counts. Nothing is kept warm that real use lacks: "verify" decodes the dealing from
its bytes, "release" each share. A seat's opening key is decoded once per case, as the ledger does.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from nacl import bindings
from told import show

from escrow.crypto import dealing, envelope, sign_off
from escrow.crypto.dealing import Dealing
from escrow.crypto.group import Point, Scalar
from escrow.crypto.identity import Identity
from escrow.crypto.seat_keys import SeatKeys
from escrow.crypto.sharing import Gate, Leaf
from escrow.crypto.sign_off import Answer
from escrow.crypto.transcript import Label

SIZES = ((3, 4), (11, 16), (43, 64), (86, 128))
LIMITS = {"release": ("<=", 1.4), "deal": ("<=", 1.4), "deal+prove": ("<=", 1.4), "verify": ("<=", 1.6)}
CONTEXT = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitives:
    """Seconds for one bare libsodium call of each kind, measured in this round."""

    base: float
    variable: float
    muladd: float


def seconds(work: Callable[[], object], repeat: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - start) / repeat


def primitives(repeat: int = 200) -> Primitives:
    n, m = (Scalar.random().encode() for _ in range(2))
    point = bindings.crypto_scalarmult_ed25519_base_noclamp(m)
    return Primitives(
        base=seconds(lambda: bindings.crypto_scalarmult_ed25519_base_noclamp(n), repeat),
        variable=seconds(lambda: bindings.crypto_scalarmult_ed25519_noclamp(n, point), repeat),
        muladd=seconds(
            lambda: bindings.crypto_core_ed25519_scalar_add(bindings.crypto_core_ed25519_scalar_mul(n, m), n),
            10 * repeat,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A path k of m with its seats, one reader, and a dealing as it came over the wire."""

    k: int
    shape: Gate
    seats: tuple[SeatKeys, ...]
    keys: tuple[Point, ...]
    reader: Identity
    wire: tuple[bytes, ...]
    proof: bytes

    @classmethod
    def build(cls, k: int, m: int) -> "Scene":
        shape = Gate(k=k, children=(Leaf(),) * m)
        seats = tuple(Identity.generate().seat_keys("case", f"seat-{i}") for i in range(m))
        keys = tuple(seat.opening_key for seat in seats)
        secret, dealt = dealing.deal(shape, keys)
        proof = dealing.prove_dealing(shape, keys, dealt, secret.e, CONTEXT)
        wire = tuple(point.encode() for point in (dealt.E, *dealt.C))
        return cls(
            k=k, shape=shape, seats=seats, keys=keys, reader=Identity.generate(), wire=wire, proof=proof
        )

    def decoded(self) -> Dealing:
        E, *C = (Point.decode(raw) for raw in self.wire)
        return Dealing(E=E, C=tuple(C))

    def deal(self) -> None:
        dealing.deal(self.shape, self.keys)

    def deal_and_prove(self) -> None:
        secret, dealt = dealing.deal(self.shape, self.keys)
        dealing.prove_dealing(self.shape, self.keys, dealt, secret.e, CONTEXT)

    def verify(self) -> None:
        dealing.verify_dealing(self.shape, self.keys, self.decoded(), self.proof, CONTEXT)

    def verify_decoded(self) -> float:
        """The same without decoding, to show what each part takes; the limit is for the other figure."""
        dealt = self.decoded()
        return seconds(lambda: dealing.verify_dealing(self.shape, self.keys, dealt, self.proof, CONTEXT))

    def release(self) -> float:
        """k seats answer, the reader decodes and verifies each, combines. The dealing is at hand."""
        dealt = Dealing(E=Point.decode(self.wire[0]), C=tuple(Point.decode(raw) for raw in self.wire[1:]))
        ticket = self.reader.ticket_keys("case", "record", "path", CONTEXT, CONTEXT)
        return seconds(lambda: self._release(dealt, ticket.Q, ticket.q))

    def _release(self, dealt: Dealing, Q: Point, q: Scalar) -> None:
        sent = []
        for seat in self.seats[: self.k]:
            a = sign_off.answer(seat, sign_off.mask(dealt.E, Q), CONTEXT)
            sent.append((a.W.encode(), a.proof))
        masked, opened = sign_off.mask(dealt.E, Q), {}
        for i, (raw, proof) in enumerate(sent):
            W = Point.decode(raw)
            sign_off.verify_answer(self.keys[i], masked, Answer(W=W, proof=proof), CONTEXT)
            opened[i] = sign_off.opened_share(dealt.C[i], W, self.keys[i], q)
        sign_off.recombine(self.shape, opened)

    def envelopes(self) -> float:
        """k seats open theirs and pass p on; the reader opens one."""
        seats, p = self.seats[: self.k], bytes(32)
        own = [envelope.enclose(p, seat.kem_key, Label.ENVELOPE, CONTEXT) for seat in seats]
        ticket = self.reader.ticket_keys("case", "record", "path", CONTEXT, CONTEXT)

        def work() -> None:
            passed = [
                envelope.enclose(
                    envelope.disclose(env, seat.kem, Label.ENVELOPE, CONTEXT),
                    ticket.kem_key,
                    Label.TICKET_ENVELOPE,
                    CONTEXT,
                )
                for env, seat in zip(own, seats, strict=True)
            ]
            envelope.disclose(passed[0], ticket.kem, Label.TICKET_ENVELOPE, CONTEXT)

        return seconds(work)


def measure(scene: Scene) -> dict[str, float]:
    """One round: seconds of each job over seconds of the bare calls it is made of."""
    k, m = scene.k, len(scene.keys)
    before = primitives()
    spent = {
        "release": scene.release(),
        "deal": seconds(scene.deal),
        "deal+prove": seconds(scene.deal_and_prove),
        "verify": seconds(scene.verify),
        "no decode": scene.verify_decoded(),
        "envelope": scene.envelopes(),
    }
    after = primitives()
    base, variable, muladd = (
        (getattr(before, name) + getattr(after, name)) / 2 for name in ("base", "variable", "muladd")
    )
    release = k * (2 * base + 7 * variable)
    deal = m * (base + variable) + k * m * muladd
    floor = {
        "release": release,
        "deal": deal,
        "deal+prove": deal + m * variable,
        "verify": 2 * m * variable,
        "no decode": 2 * m * variable,
        "envelope": release,
    }
    ratios = {name: spent[name] / floor[name] for name in floor}
    told = ratios | {f"{name}_ms": 1000 * spent[name] for name in spent}
    return told | {"verify_floor_ms": 1000 * floor["verify"]}


def run(rounds: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    scenes = [(k, m, Scene.build(k, m)) for k, m in SIZES]
    taken: dict[tuple[int, int], list[dict[str, float]]] = {(k, m): [] for k, m in SIZES}
    for done in range(rounds):
        print(f"\rround {done + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        for k, m, scene in scenes:
            taken[k, m].append(measure(scene))
    print(file=sys.stderr)
    for (k, m), figures in taken.items():
        medians = {name: round(statistics.median(f[name] for f in figures), 3) for name in figures[0]}
        rows.append({"policy": f"{k} of {m}", "seats": m, **medians})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = run(arguments.rounds)
    if arguments.json:
        worst = {name: max(row[name] for row in rows) for name in LIMITS}  # type: ignore[type-var]
        show(worst, LIMITS, as_json=True, points=rows)
        return
    names = ("release", "deal", "deal+prove", "verify", "no decode", "envelope")
    print(f"{'policy':>10}" + "".join(f"{name:>12}{'ms':>9}" for name in names))
    for row in rows:
        print(
            f"{row['policy']:>10}" + "".join(f"{row[name]:>12.3f}{row[name + '_ms']:>9.2f}" for name in names)
        )
    print(
        f"{'at most':>10}"
        + "".join(f"{LIMITS[name][1] if name in LIMITS else '':>12}{'':>9}" for name in names)
    )


if __name__ == "__main__":
    main()
