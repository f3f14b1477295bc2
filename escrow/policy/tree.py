"""What a policy is: nested "k of these" over seats, checked at birth.

A policy says which groups of seats may open a record together. It knows seats by name only: no keys, no
clock, no audience, no date (a path adds those). Rules 1-7 carry the numbers of README.md in this room. The
spelling of a policy is `str(policy)`, here; reading that spelling back is `text.parse`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from escrow.crypto import sharing
from escrow.errors import MalformedError

MAX_SEAT_NAME_CHARS = 40  # a name is read aloud, and stands in every signed policy
MAX_LEVELS = 8  # gates inside gates: what a person can still follow, and a bound on every recursion below
MAX_SEATS = 256  # one sharing of one record: the cost of checking it grows with every seat

_SEAT_NAME = re.compile(r"[a-z0-9]+(-+[a-z0-9]+)*")  # written so that it cannot backtrack


@dataclass(frozen=True, slots=True)
class Seat:
    """A leaf: one seat, by its name in the charter, such as `mediator` or `side-a-1`."""

    name: str

    def __post_init__(self) -> None:
        """Rule 1."""
        if len(self.name) > MAX_SEAT_NAME_CHARS or not _SEAT_NAME.fullmatch(self.name):
            shown = ascii(self.name[:MAX_SEAT_NAME_CHARS])  # escaped: it may reach a terminal
            raise MalformedError("seat_name_malformed", field="seat", seat=shown)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Gate:
    """At least `k` of `children`. Their order is part of the policy: it numbers the shares of a sealing."""

    k: int
    children: "tuple[Node, ...]"

    def __post_init__(self) -> None:
        """Rules 2 and 3."""
        if not self.children:
            raise MalformedError("policy_gate_empty", field="policy")
        if not 1 <= self.k <= len(self.children):
            raise MalformedError(
                "policy_k_out_of_range", field="policy", k=self.k, children=len(self.children)
            )

    def __str__(self) -> str:
        return f"{self._head()} of ({', '.join(map(str, self.children))})"

    def _head(self) -> str:
        """One spelling for each gate: `all` wins over `any` (1 of 1), and both win over the number."""
        if self.k == len(self.children):
            return "all"
        return "any" if self.k == 1 else str(self.k)


Node = Seat | Gate


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole tree. Whoever holds one may recurse over it without fear: it is neither deep nor wide.

    Raises MalformedError `policy_too_deep`, `policy_too_wide` (with `limit`) or `policy_seat_twice` (with
    `seat`).
    """

    root: Gate

    def __post_init__(self) -> None:
        """Rules 4 to 6, in one walk that stops at the first breach, however large the tree."""
        seen: set[str] = set()
        for name in _leaves(self.root, level=1):
            if name in seen:
                raise MalformedError("policy_seat_twice", field="policy", seat=name)
            if len(seen) == MAX_SEATS:
                raise MalformedError("policy_too_wide", field="policy", limit=MAX_SEATS)
            seen.add(name)

    @property
    def seats(self) -> tuple[str, ...]:
        """Names in leaf order, left to right: seat number i of a sealing is `seats[i]`."""
        return tuple(_leaves(self.root, level=1))

    @property
    def shape(self) -> sharing.Shape:
        """The same tree without names, as the sharing of a secret takes it; leaf i belongs to `seats[i]`."""
        return _shape(self.root)

    def require_known(self, seats: frozenset[str]) -> None:
        """Rule 7: insist that every seat named here is one of `seats`, those of the charter."""
        for name in self.seats:
            if name not in seats:
                raise MalformedError("policy_seat_unknown", field="policy", seat=name)

    def __str__(self) -> str:
        """The canonical text, as it stands in charters and signed bytes."""
        return str(self.root)


def require_level(level: int) -> None:
    """Rule 4. The outermost gate is level 1; the reader of text asks too, before it goes deeper."""
    if level > MAX_LEVELS:
        raise MalformedError("policy_too_deep", field="policy", limit=MAX_LEVELS)


def _leaves(node: Node, level: int) -> Iterator[str]:
    if isinstance(node, Seat):
        yield node.name
        return
    require_level(level)
    for child in node.children:
        yield from _leaves(child, level + 1)


def _shape(node: Node) -> sharing.Shape:
    if isinstance(node, Seat):
        return sharing.Leaf()
    return sharing.Gate(k=node.k, children=tuple(map(_shape, node.children)))
