"""The commands of a small case system on Escrow. README.md says how to call them."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import work
from register import AGAIN, Register
from table import Row, TableError, read_table

from escrow.client import HttpCourier, Identity, Memory, Session
from escrow.errors import EscrowError, UnavailableError
from escrow.words import describe


def main() -> int:
    """0: done; 1: some cases failed, or nothing could be done, and stderr says why. Call it again."""
    options = _options()
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity = _identity(options.home / "identity")
    session = Session(identity, HttpCourier(options.url, identity), Memory(options.home / "memory"))
    with session, closing(Register(options.home / "register.sqlite")) as register:
        try:
            return COMMANDS[options.command](options, session, register)
        except TableError as error:
            print(error, file=sys.stderr)
        except EscrowError as error:
            _complain("", error)
    return 1


def show_card(_: argparse.Namespace, session: Session, __: Register) -> int:
    print(session.card)
    return 0


def open_cases(options: argparse.Namespace, session: Session, register: Register) -> int:
    rows = read_table(options.table)
    _require_same(rows, register)
    if register.cursor() is None:  # before the first case: what happens from now on is told
        register.keep_cursor(session.changes().next)
    failed = 0
    for done, row in enumerate(rows, start=1):
        failed += not _tried(
            row.reference, lambda row=row: work.open_case(session, register, row, options.invitations)
        )
        if done % 50 == 0 or done == len(rows):
            print(f"{done} of {len(rows)} rows, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


def _require_same(rows: Sequence[Row], register: Register) -> None:
    """The service gives the first case of a reference, whatever is asked for under it the second time."""
    for row in rows:
        title = register.title_of(row.reference)
        if title not in (None, row.title):
            raise TableError(f"the reference {row.reference} is that of the case {title!r}")


def follow(options: argparse.Namespace, session: Session, register: Register) -> int:
    """One question for all cases, and then a look at those that have changed."""
    while True:
        failed = _round(options, session, register)
        if not options.every:
            return 1 if failed else 0
        time.sleep(options.every)


def _round(options: argparse.Namespace, session: Session, register: Register) -> int:
    found = session.changes(register.cursor())
    told = [(register.of_case(case), n) for case, n in found.cases.items()]
    changed = {entry.case: (entry, n) for entry, n in told if entry is not None and entry.seen != n}
    again = {entry.case: (entry, entry.seen) for entry in register.to_look_at_again()}
    failed = 0
    for entry, n in (again | changed).values():
        done = _tried(
            entry.reference,
            lambda entry=entry: work.advance(session, register, entry, options.downloads),
        )
        seen = -1 if n in (None, AGAIN) else n
        register.saw(entry.reference, seen if done else AGAIN)
        failed += not done
    register.keep_cursor(found.next)
    print(f"{len(changed)} changed, {failed} failed", file=sys.stderr)
    return failed


def show_status(_: argparse.Namespace, __: Session, register: Register) -> int:
    for stage, count in sorted(register.counts().items()):
        print(f"{count:6}  {stage}")
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace, Session, Register], int]] = {
    "card": show_card,
    "open": open_cases,
    "follow": follow,
    "status": show_status,
}


def _tried(reference: str, deed: Callable[[], None]) -> bool:
    """A case that cannot be dealt with hides no other; a service that is away ends the run."""
    try:
        deed()
    except UnavailableError:
        raise
    except EscrowError as error:
        _complain(f"{reference}: ", error)
        return False
    return True


def _complain(prefix: str, error: EscrowError) -> None:
    words = describe(error)
    print(f"{prefix}{words.detail} {words.remedy} ({error.code})", file=sys.stderr)


def _identity(path: Path) -> Identity:
    """The institution's identity. The file is the institution: keep a copy in a safe place."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(Identity.generate().dump())
    return Identity.load(path.read_text())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A small case system on Escrow.")
    parser.add_argument("--home", type=Path, required=True, help="identity, memory and register")
    parser.add_argument("--url", required=True, help="the service")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("card", help="print the institution's card")
    opening = commands.add_parser("open", help="open a case for each row of a table")
    opening.add_argument("table", type=Path)
    opening.add_argument("--invitations", type=Path, required=True, help="folder for what parties are handed")
    following = commands.add_parser("follow", help="look at what has changed, deposit, download")
    following.add_argument("--downloads", type=Path, required=True, help="folder for released bundles")
    following.add_argument("--every", type=float, default=0.0, metavar="SECONDS", help="go on for ever")
    commands.add_parser("status", help="how many cases are how far")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
