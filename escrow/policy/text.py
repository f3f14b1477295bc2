"""The text form of a policy: read strictly, written in one way only.

    gate = ("all" | "any" | number) " of (" node ", " node ... ")"        node = gate | seat name

A policy stands as text in bytes that people sign, so two spellings of one policy would be two policies.
`parse` reads a little more than it accepts (other spacing, `2 of (a, b)` for `all of (a, b)`), only so that
its refusal can carry the spelling that it would have taken. The words all, any, of and numbers are no
reserved names: what stands before " of" is a gate's head, everything else is a seat. Rules 8-10 carry the
numbers of README.md in this room.
"""

import re

from escrow.errors import MalformedError, TooLargeError
from escrow.policy.tree import Gate, Node, Policy, Seat, require_level

MAX_TEXT_CHARS = 32_768  # the longest policy that rules 1-6 allow prints to fewer than 27,000

_TOKEN = re.compile(r"[(),]|[^\s(),]+")  # covers every character but white space
_NUMBER = re.compile(r"[0-9]{1,3}")  # no policy needs more digits; int() of a foreign number must be bounded


def parse(text: str) -> Policy:
    """Read a policy; afterwards `print_(parse(text)) == text`.

    Raises TooLargeError `policy_text_too_long`; MalformedError `policy_malformed` (with `at`, the place
    counted in characters from 1, and what was `expected` there), `policy_not_canonical` (with `canonical`),
    and what the tree refuses at birth.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise TooLargeError("policy_text_too_long", field="policy", limit=MAX_TEXT_CHARS)
    policy = _Reader(text).policy()
    if (canonical := print_(policy)) != text:
        raise MalformedError("policy_not_canonical", field="policy", canonical=canonical)
    return policy


def print_(policy: Policy) -> str:
    """The canonical text; `parse(print_(policy)) == policy`."""
    return str(policy)


class _Reader:
    """One pass, one token of lookahead; recursion is bounded by the levels a policy may have."""

    def __init__(self, text: str) -> None:
        self._tokens = [(found.group(), found.start() + 1) for found in _TOKEN.finditer(text)]
        self._tokens += [("", len(text) + 1)] * 2  # the end, twice: lookahead needs no bounds
        self._next = 0

    def policy(self) -> Policy:
        root = self._gate(level=1)
        self._take("", expected="the end")
        return Policy(root)

    def _node(self, level: int) -> Node:
        if self._peek(1) == "of":
            return self._gate(level)
        if self._peek() in ("", "(", ")", ","):
            raise self._malformed("a seat or a gate")
        return Seat(self._advance())

    def _gate(self, level: int) -> Gate:
        require_level(level)
        head = self._peek()
        if head not in ("all", "any") and not _NUMBER.fullmatch(head):
            raise self._malformed('"all", "any" or a number below 1000')
        self._advance()
        self._take("of", expected='"of"')
        self._take("(", expected='"("')
        children = self._children(level)
        k = {"all": len(children), "any": 1}.get(head)
        return Gate(int(head) if k is None else k, children)

    def _children(self, level: int) -> tuple[Node, ...]:
        children: list[Node] = []
        if self._peek() != ")":  # an empty gate is read, so that it is refused under its own name
            children.append(self._node(level + 1))
            while self._peek() == ",":
                self._advance()
                children.append(self._node(level + 1))
        self._take(")", expected='a comma or ")"')
        return tuple(children)

    def _peek(self, ahead: int = 0) -> str:
        return self._tokens[self._next + ahead][0]

    def _advance(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _take(self, token: str, *, expected: str) -> None:
        if self._peek() != token:
            raise self._malformed(expected)
        self._advance()

    def _malformed(self, expected: str) -> MalformedError:
        at = self._tokens[self._next][1]
        return MalformedError("policy_malformed", field="policy", at=at, expected=expected)
