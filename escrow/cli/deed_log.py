"""What a script did, a line for each deed: for people, for programs (--json), for the record (--log)."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import click

from escrow.cli.app import App
from escrow.cli.output import answer, say
from escrow.errors import EscrowError

SOME_FAILED: Final = 9
"""Exit code of a run over several things of which some failed; the others were done."""


class DeedLog:
    """Tells each deed as it is done. At the end of the block, a run of which some failed exits with 9."""

    def __init__(self, app: App, log: Path | None) -> None:
        self._app, self._log, self._failures = app, log, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._failures:
            raise click.exceptions.Exit(SOME_FAILED)

    def did(self, deed: str, line: str, facts: Mapping[str, Any]) -> None:
        """`line` for people; the same as `facts` for programs."""
        told = {"deed": deed, **facts}
        if self._app.as_json:
            click.echo(json.dumps(told))
        else:
            answer(self._app, line, told)
        self._keep(told)

    def failed(self, about: Mapping[str, Any], error: EscrowError, *, alone: bool = False) -> None:
        """One of several was no use, and is named. `alone`: it was the only one; the error ends the run."""
        from escrow.words import describe

        words = describe(error)
        told = {"deed": "failed", **about, "code": error.code, "message": words.detail}
        self._keep(told)
        if alone:
            raise error
        self._failures += 1
        if self._app.as_json:
            click.echo(json.dumps(told))
        say(self._app, f"FAILED  {about['case'][:12]}: {words.detail}  {words.remedy}")

    def _keep(self, told: Mapping[str, Any]) -> None:
        if self._log is not None:
            with self._log.open("a", encoding="ascii") as sink:
                sink.write(json.dumps(told) + "\n")
