"""Decide whether a path's policy is met and its date has come.

`assess` asks and `require` insists; both know seats by name only. Whether a sign-off is genuine was settled
before its seat came into `signed`; names in `signed` that the policy does not hold count for nothing. Every
part of a verdict says what enforces it: seats are enforced by cryptography (without their shares nobody
opens), a date by honest custodians alone. Rules 11-14 carry the numbers of README.md in this room.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from escrow.errors import RefusedError
from escrow.policy.tree import Node, Policy, Seat


class Enforcement(StrEnum):
    """What makes a condition hold."""

    CRYPTOGRAPHIC = "cryptographic"
    PROCEDURAL = "procedural"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One node of the answer, and the answers below it.

    `have` of `need` counts met children at a gate, and sign-offs at a seat. `missing` are the seats, in
    leaf order, whose sign-off could still help; it is empty where the seats suffice. `opens_at` is a date
    still ahead, else None.
    """

    met: bool
    need: int
    have: int
    label: str
    missing: tuple[str, ...]
    opens_at: datetime | None
    children: "tuple[Verdict, ...]"
    enforced: Enforcement


def assess(policy: Policy, signed: frozenset[str], *, not_before: datetime | None, at: datetime) -> Verdict:
    """The verdict on seats and date at the moment `at`; times are aware. A no is an answer, not an error.

    Its first child is the verdict on the seats, its second, where the path has a date, the one on the date.
    Its own `have` and `need` are those of the seats: a date is no sign-off, and shows in `opens_at`.
    """
    seats = assess_seats(policy, signed)
    if not_before is None:
        return _both(seats, ())
    return _both(seats, (assess_date(not_before, at),))


def require(policy: Policy, signed: frozenset[str], *, not_before: datetime | None, at: datetime) -> None:
    """Insist (rule 14).

    Raises RefusedError `policy_not_met` with `have`, `need`, `missing` and `opens_at` (RFC 3339, empty if
    no date is ahead).
    """
    verdict = assess(policy, signed, not_before=not_before, at=at)
    if not verdict.met:
        opens_at = "" if verdict.opens_at is None else utc_text(verdict.opens_at)
        raise RefusedError(
            "policy_not_met", have=verdict.have, need=verdict.need, missing=verdict.missing, opens_at=opens_at
        )


def assess_seats(policy: Policy, signed: frozenset[str]) -> Verdict:
    """The cryptographic part alone (rule 11): do these seats suffice?"""
    return _assess_node(policy.root, signed)


def assess_date(not_before: datetime, at: datetime) -> Verdict:
    """The procedural part alone (rule 12): the date itself counts as come."""
    come = at >= not_before
    return Verdict(
        met=come,
        need=1,
        have=int(come),
        label=f"not before {utc_text(not_before)}",
        missing=(),
        opens_at=None if come else not_before,
        children=(),
        enforced=Enforcement.PROCEDURAL,
    )


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as everywhere in signed bytes."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _assess_node(node: Node, signed: frozenset[str]) -> Verdict:
    if isinstance(node, Seat):
        children: tuple[Verdict, ...] = ()
        need, have = 1, int(node.name in signed)
        open_seats: tuple[str, ...] = (node.name,)
    else:
        children = tuple(_assess_node(child, signed) for child in node.children)
        need, have = node.k, sum(child.met for child in children)
        open_seats = tuple(name for child in children for name in child.missing)
    met = have >= need
    return Verdict(
        met=met,
        need=need,
        have=have,
        label=str(node),
        missing=() if met else open_seats,
        opens_at=None,
        children=children,
        enforced=Enforcement.CRYPTOGRAPHIC,
    )


def _both(seats: Verdict, date: tuple[Verdict, ...]) -> Verdict:
    """Rule 13: seats and date must both hold, and the whole is only as firm as its weaker part."""
    return Verdict(
        met=seats.met and all(part.met for part in date),
        need=seats.need,
        have=seats.have,
        label=", ".join((seats.label, *(part.label for part in date))),
        missing=seats.missing,
        opens_at=next((part.opens_at for part in date), None),
        children=(seats, *date),
        enforced=Enforcement.PROCEDURAL if date else Enforcement.CRYPTOGRAPHIC,
    )
