"""What the service tells whoever listens (see escrow/store/watching.py): how posts and payloads ended."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from escrow.errors import (
    ConflictError,
    EscrowError,
    ForgedError,
    MalformedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from escrow.store.journal import Receipt
from escrow.store.watching import Seen, Watch

_CLASSES: Final = {
    MalformedError: "malformed",
    NotFoundError: "not_found",
    ForgedError: "forged",
    RefusedError: "refused",
    ConflictError: "conflict",
    UnavailableError: "unavailable",
}
"""What a refusal is called, by its class in escrow/errors.py. Whatever is none of them is "failed"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPosted(Seen):
    """A statement was posted. `kind`: its type, None where it could not be read that far.

    `outcome`: "created", "already" (it was there), or the class of the refusal.
    """

    kind: str | None
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadCompleted(Seen):
    """A deposit had its payload made whole. `outcome`: "ok", or the class of the refusal."""

    bytes: int
    seconds: float
    outcome: str


@dataclass(slots=True)
class Post:
    """One post while it is under way: fill in what is known of it."""

    kind: str | None = None
    receipt: Receipt | None = field(default=None, repr=False)


@contextmanager
def posting(watch: Watch) -> Iterator[Post]:
    """Around a post, from its first byte on."""
    under_way = Post()
    outcome = "failed"
    try:
        yield under_way
        outcome = "created" if under_way.receipt is not None and under_way.receipt.created else "already"
    except EscrowError as error:
        outcome = _outcome(error)
        raise
    finally:
        watch(StatementPosted(kind=under_way.kind, outcome=outcome))


@contextmanager
def completing(watch: Watch, length: int) -> Iterator[None]:
    """Around making a payload of this many bytes whole."""
    outcome = "failed"
    began = time.monotonic()
    try:
        yield
        outcome = "ok"
    except EscrowError as error:
        outcome = _outcome(error)
        raise
    finally:
        watch(PayloadCompleted(bytes=length, seconds=time.monotonic() - began, outcome=outcome))


def _outcome(error: EscrowError) -> str:
    return next((name for kind, name in _CLASSES.items() if isinstance(error, kind)), "failed")
