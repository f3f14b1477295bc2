"""What a policy can and cannot survive: its margin, its smallest groups, who is needed, who suffices alone.

Answers for a policy as it stands or with some seats gone. All of it follows from one walk up the tree,
because no seat stands twice in a policy: what one branch needs or loses is nobody else's. Numbers only;
words are made in `explain`. Rules 15-19 carry the numbers of README.md in this room.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from escrow.errors import MalformedError
from escrow.policy.tree import Gate, Node, Policy, Seat

MAX_GROUPS_LISTED = 12  # more than a dozen groups are counted: nobody reads the list

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a policy can still do once the seats in `gone` refuse for good or have lost their keys.

    `margin` is how many more seats may go, whichever they are, before it can be shut for ever; None if it
    is shut. `needed` are the seats without any one of which it is shut; `alone` those that open it by
    themselves. `group_count` counts the smallest groups (enough together, and not with any one of them
    fewer); `groups` lists them if they are at most MAX_GROUPS_LISTED, else it is empty. `least` is the size
    of the smallest of them, 0 if shut.
    """

    gone: Group
    margin: int | None
    needed: Group
    alone: Group
    group_count: int
    groups: tuple[Group, ...]
    least: int


def outlook(policy: Policy, *, gone: frozenset[str] = frozenset()) -> Outlook:
    """Look ahead.

    Raises MalformedError `seat_not_in_policy` (with `seat`) if `gone` names a seat that the policy does
    not: a slip of the pen would otherwise read as good news.
    """
    if strangers := gone.difference(policy.seats):
        raise MalformedError("seat_not_in_policy", field="gone", seat=min(strangers))
    root = _look(policy.root, gone)
    listed = root.count <= MAX_GROUPS_LISTED
    return Outlook(
        gone=tuple(name for name in policy.seats if name in gone),
        margin=root.cut - 1 if root.cut else None,
        needed=root.needed,
        alone=root.alone,
        group_count=root.count,
        groups=tuple(_groups(policy.root, gone)) if listed else (),
        least=root.least,
    )


def smallest_margin(policy: Policy) -> int:
    """Rule 15: how many seats, whichever they are, may refuse or lose their keys without shutting it."""
    return _look(policy.root, frozenset()).cut - 1


def can_open_alone(policy: Policy, groups: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Rule 19: which parties, each with all the seats it holds, meet the policy without anybody else.

    One walk for all parties, which makes no verdicts: anybody may send a service a charter of hundreds of
    parties and dozens of paths, and have this asked of each.
    """
    holders: dict[str, list[str]] = {}
    for party, seats in groups.items():
        for seat in seats:
            holders.setdefault(seat, []).append(party)
    alone = _parties_meeting(policy.root, holders)
    return tuple(party for party in groups if party in alone)


def _parties_meeting(node: Node, holders: Mapping[str, Sequence[str]]) -> Collection[str]:
    if isinstance(node, Seat):
        return holders.get(node.name, ())
    met = Counter(party for child in node.children for party in _parties_meeting(child, holders))
    return {party for party, children in met.items() if children >= node.k}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What the walk knows of one node."""

    cut: int  # fewest further losses that shut it; 0 if it is shut
    least: int  # fewest seats that open it; 0 if it is shut
    count: int  # number of smallest groups; 0 if it is shut
    needed: Group
    alone: Group


_SHUT = _Sight(cut=0, least=0, count=0, needed=(), alone=())


def _look(node: Node, gone: frozenset[str]) -> _Sight:
    """Rules 15 to 18."""
    if isinstance(node, Seat):
        if node.name in gone:
            return _SHUT
        return _Sight(cut=1, least=1, count=1, needed=(node.name,), alone=(node.name,))
    alive = [sight for child in node.children if (sight := _look(child, gone)).cut]
    spare = len(alive) - node.k  # children that may still be shut
    if spare < 0:
        return _SHUT
    return _Sight(
        cut=sum(sorted(sight.cut for sight in alive)[: spare + 1]),
        least=sum(sorted(sight.least for sight in alive)[: node.k]),
        count=_choices(node.k, [sight.count for sight in alive]),
        needed=tuple(name for sight in alive for name in sight.needed) if spare == 0 else (),
        alone=tuple(name for sight in alive for name in sight.alone) if node.k == 1 else (),
    )


def _choices(k: int, counts: list[int]) -> int:
    """Ways to take k children and one group of each: the k-th elementary symmetric polynomial of `counts`."""
    ways = [1] + [0] * k
    for count in counts:
        for taken in range(k, 0, -1):
            ways[taken] += ways[taken - 1] * count
    return ways[k]


def _groups(node: Node, gone: frozenset[str]) -> Iterator[Group]:
    """The groups themselves, seats in leaf order. Call only once their count is known to be small."""
    if isinstance(node, Seat):
        if node.name not in gone:
            yield (node.name,)
        return
    yield from _gate_groups(node, gone)


def _gate_groups(gate: Gate, gone: frozenset[str]) -> Iterator[Group]:
    alive = [groups for child in gate.children if (groups := tuple(_groups(child, gone)))]
    for chosen in combinations(alive, gate.k):
        for parts in product(*chosen):
            yield tuple(name for part in parts for name in part)
