"""Ask every service that this home knows, each by itself: what one of them does or fails to do keeps no other
from its turn.

A fault of our own that one service's answer provokes is that service's failure too. What failed is said,
told in JSON, and decides the exit code; what the others gave is shown all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from escrow.cli import endings
from escrow.cli.app import App
from escrow.cli.foreign import one_line
from escrow.cli.output import say
from escrow.client import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A service, or one thing at it (`subject`), that was no use. `status` is the exit code it calls for."""

    service: str
    subject: str
    code: str
    words: str
    status: int


def failure(service: str, error: Exception, subject: str = "") -> Failure:
    """What one error means, in words and as an exit code."""
    told = endings.tell(error)
    return Failure(service=service, subject=subject, code=told.code, words=told.words, status=told.status)


def ask_each(app: App, ask: Callable[[Session], T]) -> tuple[list[T], list[Failure]]:
    """The answers of those services that gave one. Where none did, the error of the first is raised."""
    found: list[T] = []
    failed: list[Failure] = []
    errors: list[Exception] = []
    app.identity()  # once for all: a key file that is missing is no service's failure
    for url in app.services():
        try:
            found.append(ask(app.session(url)))
        except Exception as error:  # noqa: BLE001  # whatever it is, the next service has its turn
            errors.append(error)
            failed.append(failure(url, error))
            app.name_service(error)
    if errors and not found:
        raise errors[0]
    return found, failed


def as_json(failed: Sequence[Failure]) -> list[dict[str, Any]]:
    return [{"service": one.service, "subject": one.subject or None, "code": one.code} for one in failed]


def lines(failed: Sequence[Failure]) -> list[str]:
    return [one_line(f"{one.service}: {one.words} ({one.code})") for one in failed]


def conclude(app: App, failed: Sequence[Failure]) -> None:
    """After the answer: say what is missing from it, and end with the exit code of the first failure."""
    if failed:
        say(app, *lines(failed))
        raise click.exceptions.Exit(failed[0].status)
