"""How a run ends: words for people, one JSON line for programs, and an exit code by class of error.

0  done                              5  forged: a signature, proof, share or ciphertext is false
1  you said no (or our own fault)    6  not found, or not yours to see
2  wrong usage                       7  service unreachable, busy, or a race: try again
3  malformed bytes                   8  a file or setting on this machine
4  refused by the rules of the case
"""

import json
import os
import sys
import traceback
from collections.abc import Mapping

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
    """The exit code of this error's family."""
    return next(code for family, code in _CODES if isinstance(error, family))


def report(error: Exception, *, as_json: bool) -> int:
    """Say on stderr what went wrong, and return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort) and isinstance(error.__cause__, KeyboardInterrupt):
        return _end(INTERRUPTED, "interrupted", "Interrupted.", "", {}, as_json=as_json)
    if isinstance(error, click.Abort):
        return _end(SAID_NO, "stopped", "Stopped; nothing was sent.", "", {}, as_json=as_json)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    if isinstance(error, click.UsageError):
        return _end(USAGE, "usage", error.format_message(), _usage_hint(error), {}, as_json=as_json)
    if isinstance(error, click.ClickException):
        return _end(SAID_NO, "stopped", error.format_message(), "", {}, as_json=as_json)
    if isinstance(error, EscrowError):
        from escrow.words import describe

        told, fields = describe(error), dict(error.fields)
        return _end(exit_code(error), error.code, told.detail, told.remedy, fields, as_json=as_json)
    if isinstance(error, BrokenPipeError):
        return _quiet_pipe()
    if isinstance(error, OSError):
        words = f"{error.strerror or error}: {error.filename or 'this machine'}"
        return _end(SETUP, "machine", words, "", {}, as_json=as_json)
    return _our_fault(error, as_json=as_json)


def _end(status: int, code: str, words: str, hint: str, fields: Mapping[str, Field], *, as_json: bool) -> int:
    if as_json:
        told = {
            "error": {"code": code, "exit": status, "message": words, "hint": hint, "fields": dict(fields)}
        }
        click.echo(json.dumps(told), err=True)
        return status
    click.echo(one_line(f"escrow: error: {words}"), err=True)
    if hint:
        click.echo(one_line(f"escrow: hint: {hint}"), err=True)
    return status


def _usage_hint(error: click.UsageError) -> str:
    if error.ctx is None:
        return ""
    return f"{error.ctx.get_usage().removeprefix('Usage: ')}  (more: {error.ctx.command_path} --help)"


def _quiet_pipe() -> int:
    """Whoever reads our output has stopped reading. Not an error; Python must not complain at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _our_fault(error: Exception, *, as_json: bool) -> int:
    if os.environ.get("ESCROW_DEBUG"):
        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(printable(line), err=True)
    words = f"A fault of this program: {type(error).__name__}. Nothing more is known here."
    hint = "Run it again with ESCROW_DEBUG=1 and send us what it prints."
    return _end(SAID_NO, "program_fault", words, hint, {}, as_json=as_json)
