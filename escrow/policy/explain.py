"""Say in plain words what a policy does, as a lawyer would read it aloud to a client.

`explain` says who can open, `what_if` what happens once some seats are gone. Every condition carries its
label: [cryptographic] where nobody can get round it, [procedural] where honest custodians keep it. What
follows from the conditions (margin, smallest groups, who suffices alone) is said without a label, and
marked as a warning where people have come to grief. The words never promise more than the mathematics
gives: a quorum can always open, for anyone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from escrow.policy.outlook import Group, Outlook, can_open_alone, outlook, smallest_margin
from escrow.policy.tree import Gate, Node, Policy, Seat
from escrow.policy.verdict import Enforcement

__all__ = ["Explanation", "Outlook", "Sentence", "can_open_alone", "explain", "smallest_margin", "what_if"]

MAX_COUNT_SAID = 1_000_000  # a larger number means nothing to a listener

# fmt: off
_MONTHS = (  # not strftime: its words depend on the locale of the process
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)
_NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "ten", "eleven", "twelve",
)
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence. `enforced` is set for conditions only; `warning` asks the listener to think twice."""

    text: str
    enforced: Enforcement | None = None
    warning: bool = False

    def __str__(self) -> str:
        if self.enforced is not None:
            return f"[{self.enforced}] {self.text}"
        return f"Warning: {self.text}" if self.warning else self.text


DROP_OFFS = (
    Sentence(
        text="Drop-offs are allowed: a seat may have the service seal a plain file for it. The service can "
        "read that file while it seals it; that it keeps nothing of it is its promise, and no more.",
        enforced=Enforcement.PROCEDURAL,
    ),
    Sentence(
        text="What a seat seals on its own machine, the service cannot read.",
        enforced=Enforcement.CRYPTOGRAPHIC,
    ),
    Sentence(text="Accept this only if you would hand the service such a file.", warning=True),
)
"""What a charter that allows drop-offs means, for whoever is asked to accept it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Sentences in the order in which to read them, and the numbers they were made from."""

    sentences: tuple[Sentence, ...]
    outlook: Outlook

    def __str__(self) -> str:
        return "\n".join(map(str, self.sentences))


def explain(policy: Policy, *, audience: str, not_before: datetime | None) -> Explanation:
    """Who can open, when, and how firmly. `audience` is in the caller's words, such as "the public"."""
    view = outlook(policy)
    sentences = [*_conditions(policy.root, audience)]
    if not_before is not None:
        sentences.append(_date(not_before))
    sentences += [*_standing(view), _quorum(view, dated=not_before is not None)]
    return Explanation(sentences=tuple(sentences), outlook=view)


def what_if(policy: Policy, gone: frozenset[str]) -> Explanation:
    """What remains once the seats in `gone` refuse for good or have lost their keys.

    `outlook.margin` is None if nothing remains. Raises MalformedError `seat_not_in_policy`.
    """
    view = outlook(policy, gone=gone)
    without = f"Without {_list(view.gone, 'and')}" if view.gone else "With every seat in place"
    if view.margin is None:
        shut = Sentence(text=f"{without}, this path stays shut for ever.", warning=True)
        return Explanation(sentences=(shut,), outlook=view)
    still = Sentence(text=f"{without}, this path can still open.")
    return Explanation(sentences=(still, *_standing(view)), outlook=view)


def _conditions(root: Gate, audience: str) -> Iterator[Sentence]:
    yield _condition(f"This path opens to {audience} only if {_phrase(root, ())}.")
    yield from _numbered(root, ())


def _numbered(gate: Gate, place: tuple[int, ...]) -> Iterator[Sentence]:
    """The parts of a gate of gates, numbered like the clauses of a contract: (1), (2), (2.1)."""
    if _is_plain(gate):
        return
    for number, child in enumerate(gate.children, start=1):
        here = (*place, number)
        yield _condition(f"{_clause(here)} {_phrase(child, here)}.")
        if isinstance(child, Gate):
            yield from _numbered(child, here)


def _is_plain(gate: Gate) -> bool:
    """A gate over seats alone: said in one breath, without numbers."""
    return all(isinstance(child, Seat) for child in gate.children)


def _phrase(node: Node, place: tuple[int, ...]) -> str:
    if isinstance(node, Seat):
        return f"{node.name} signs off"
    if _is_plain(node):
        return _of(node.k, [str(child) for child in node.children], one="signs off", many="sign off")
    clauses = [_clause((*place, number)) for number in range(1, len(node.children) + 1)]
    return _of(node.k, clauses, one="holds", many="hold")


def _of(k: int, names: Sequence[str], *, one: str, many: str) -> str:
    """`k` of `names`, with the verb in the right number."""
    if len(names) == 1:
        return f"{names[0]} {one}"
    if k == len(names):
        return f"{'both' if k == 2 else 'all of'} {_list(names, 'and')} {many}"
    if k == 1:
        return f"at least one of {_list(names, 'and')} {one}"
    return f"at least {_number(k)} of {_list(names, 'and')} {many}"


def _date(not_before: datetime) -> Sentence:
    day = not_before.astimezone(UTC)
    when = f"{day.day} {_MONTHS[day.month - 1]} {day.year}, {day:%H:%M:%S} UTC"
    kept = "The service and honest clients keep this date; cryptography does not"
    text = f"No sign-off is accepted before {when}. {kept}."
    return Sentence(text=text, enforced=Enforcement.PROCEDURAL)


def _standing(view: Outlook) -> Iterator[Sentence]:
    yield _margin(view)
    yield _alone(view.alone)
    yield _smallest(view)


def _margin(view: Outlook) -> Sentence:
    """Zero margin is how an election was lost: one trustee of three lost a key under 3 of 3 (IACR, 2025)."""
    if view.margin:
        some, more = _seats(view.margin), _number(view.margin + 1)
        text = (
            f"Any {some} may refuse or lose a key and it can still open; losing {more} can shut it for ever."
        )
        return Sentence(text=text)
    text = (
        f"There is no margin. If {_list(view.needed, 'or')} refuses or loses the key, it stays shut for ever."
    )
    return Sentence(text=text, warning=True)


def _alone(alone: Group) -> Sentence:
    if not alone:
        return Sentence(
            text="No single seat can open it alone; a party that holds several seats may be able to."
        )
    who = alone[0] if len(alone) == 1 else f"Each of {_list(alone, 'and')}"
    return Sentence(text=f"{who} can open it alone.", warning=True)


def _smallest(view: Outlook) -> Sentence:
    if view.groups:
        listed = "; ".join(_list(group, "and") for group in view.groups)
        noun = "group that is" if view.group_count == 1 else "groups that are"
        return Sentence(text=f"Smallest {noun} enough: {listed}.")
    count = f"{view.group_count:,}" if view.group_count <= MAX_COUNT_SAID else f"More than {MAX_COUNT_SAID:,}"
    return Sentence(text=f"{count} different groups are just enough; the smallest has {_seats(view.least)}.")


def _quorum(view: Outlook, *, dated: bool) -> Sentence:
    """What no policy can prevent, said every time: a quorum is who may."""
    who = "Whoever is enough" if view.alone else "Seats that are enough together"
    early = " and before that date" if dated else ""
    return Sentence(
        text=f"{who} could also open it for anyone{early}, on their own; only their honesty prevents that."
    )


def _condition(text: str) -> Sentence:
    return Sentence(text=text, enforced=Enforcement.CRYPTOGRAPHIC)


def _clause(place: tuple[int, ...]) -> str:
    return f"({'.'.join(map(str, place))})"


def _number(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)


def _seats(n: int) -> str:
    return "one seat" if n == 1 else f"{_number(n)} seats"


def _list(names: Sequence[str], word: str) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
