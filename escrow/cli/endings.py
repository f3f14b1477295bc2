"""How a run ends: words for people, one JSON line for programs, and an exit code by class of error.

0  done                              5  forged, or damaged: a signature, proof, share or chain is false
1  you said no (or our own fault)    6  not found, or not yours to see
2  wrong usage                       7  service unreachable, busy, or a race: try again
3  malformed bytes                   8  a file or setting on this machine
4  refused by the rules of the case, or by the service
"""

import json
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

import click

from escrow.cli.foreign import one_line, printable
from escrow.errors import (
    ConflictError,
    EscrowError,
    Field,
    ForgedError,
    MalformedError,
    NotFoundError,
    RefusedError,
    SetupError,
    UnauthorizedError,
    UnavailableError,
)

INTERRUPTED = 130
"""As shells have it: 128 and the number of the signal."""
SAID_NO, USAGE, MALFORMED, REFUSED, FORGED, NOT_FOUND, UNAVAILABLE, SETUP = range(1, 9)

_CODES: tuple[tuple[type[EscrowError], int], ...] = (
    (MalformedError, MALFORMED),
    (RefusedError, REFUSED),
    (ForgedError, FORGED),
    (NotFoundError, NOT_FOUND),
    (UnauthorizedError, NOT_FOUND),
    (UnavailableError, UNAVAILABLE),
    (ConflictError, UNAVAILABLE),
    (SetupError, SETUP),
)


def exit_code(error: EscrowError) -> int:
    """The exit code of this error's family. Damage is no matter of trying again.

    FORGED is for what was found here: a service that says so itself (`by_service`) has refused.
    """
    if error.code == "ledger_damaged":
        return REFUSED if error.by_service else FORGED
    return next(code for family, code in _CODES if isinstance(error, family))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An error as people and programs are told it."""

    status: int
    code: str
    words: str
    hint: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)


def tell(error: Exception) -> Told:
    """Words, code and exit code for any error; one that has no words here is a fault of this program."""
    if isinstance(error, click.Abort) and isinstance(error.__cause__, KeyboardInterrupt):
        return Told(status=INTERRUPTED, code="interrupted", words="Interrupted.")
    if isinstance(error, click.Abort):
        return Told(status=SAID_NO, code="stopped", words="Stopped; nothing was sent.")
    if isinstance(error, click.UsageError):
        return Told(status=USAGE, code="usage", words=error.format_message(), hint=_usage_hint(error))
    if isinstance(error, click.ClickException):
        return Told(status=SAID_NO, code="stopped", words=error.format_message())
    if isinstance(error, EscrowError):
        from escrow.words import describe

        words = describe(error)
        return Told(
            status=exit_code(error),
            code=error.code,
            words=words.detail,
            hint=words.remedy,
            fields=error.fields,
        )
    if isinstance(error, OSError):
        where = error.filename or "this machine"
        return Told(status=SETUP, code="machine", words=f"{error.strerror or error}: {where}")
    return Told(
        status=SAID_NO, code="program_fault",
        words=f"A fault of this program: {type(error).__name__}. Nothing more is known here.",
        hint="Run it again with ESCROW_DEBUG=1 and send us what it prints.",
    )  # fmt: skip


def report(error: Exception, *, as_json: bool) -> int:
    """Say on stderr what went wrong, and return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    if isinstance(error, BrokenPipeError):
        return _quiet_pipe()
    told = tell(error)
    if told.code == "program_fault" and os.environ.get("ESCROW_DEBUG"):
        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(printable(line), err=True)
    return _end(told, as_json=as_json)


def _end(told: Told, *, as_json: bool) -> int:
    if as_json:
        error = {"code": told.code, "exit": told.status, "message": told.words, "hint": told.hint}
        click.echo(json.dumps({"error": {**error, "fields": dict(told.fields)}}), err=True)
        return told.status
    click.echo(one_line(f"escrow: error: {told.words}"), err=True)
    if told.hint:
        click.echo(one_line(f"escrow: hint: {told.hint}"), err=True)
    return told.status


def _usage_hint(error: click.UsageError) -> str:
    if error.ctx is None:
        return ""
    return f"{error.ctx.get_usage().removeprefix('Usage: ')}  (more: {error.ctx.command_path} --help)"


def _quiet_pipe() -> int:
    """Whoever reads our output has stopped reading. Not an error; Python must not complain at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
