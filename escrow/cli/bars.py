"""Progress on stderr while something long goes on; nothing where stderr is no terminal or JSON was asked for.

What a verb prints meanwhile stays on stdout: rich would send it to the bars' own terminal, also where stdout
is a file or a pipe, so it is told not to.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from escrow.cli.app import App
from escrow.client import Progress, Stage, silent

_WORDS = {
    Stage.SEAL: "Sealing",
    Stage.UPLOAD: "Uploading",
    Stage.OPEN: "Opening",
    Stage.FETCH: "Fetching",
}


@contextmanager
def progress(app: App) -> Iterator[Progress]:
    """Bars as long as this lasts, one for each stage."""
    if app.as_json or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True),
               TransferSpeedColumn(), TimeRemainingColumn())  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as bars:
        tasks: dict[Stage, TaskID] = {}

        def show(stage: Stage, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_WORDS.get(stage, stage.value.capitalize()), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


@contextmanager
def counter(app: App, what: str) -> Iterator[Callable[[object], None]]:
    """Counts calls, where nobody knows beforehand how many there will be."""
    if app.as_json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(f"{what} {{task.completed:.0f}}"), TimeElapsedColumn())
    with Bars(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as bars:
        task = bars.add_task(what, total=None)
        yield lambda _: bars.advance(task)


@contextmanager
def case_bar(app: App, *, start: str, whole: bool) -> Iterator[Callable[[str, int], None]]:
    """Told of a case's id and of how many of its entries are done, case after case, in order of their ids.

    How many there are nobody knows before all is listed. But ids are hashes, spread evenly, so that an id
    says about how far along it is. `whole` False: only some are looked at, and it says nothing.
    """
    if app.as_json or not sys.stderr.isatty():
        yield lambda case, entries: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("Auditing"), BarColumn(), TextColumn("{task.fields[told]}"),
               TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
    with Bars(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as bars:
        counted = _Counted()
        task = bars.add_task("", total=1.0 if whole else None, told="")
        first = _place(start)

        def seen(case: str, entries: int) -> None:
            if counted.take(case, entries):
                done = (_place(case) - first) / (1 - first)
                bars.update(task, completed=done if whole else None, told=counted.told(bars.tasks[0].elapsed))

        yield seen


class _Counted:
    """Cases and entries so far."""

    def __init__(self) -> None:
        self._case, self._cases, self._before, self._in_case = "", 0, 0, 0

    def take(self, case: str, entries: int) -> bool:
        """Whether it is worth telling: a terminal need not follow every entry."""
        if case != self._case:
            self._cases += 1
            self._before += self._in_case
            self._case = case
        self._in_case = entries
        return entries % _TOLD_EVERY == 0

    def told(self, seconds: float | None) -> str:
        entries = self._before + self._in_case
        rate = f", {entries / seconds:.0f}/s" if seconds else ""
        return f"{self._cases} cases, {entries} entries{rate}"


_TOLD_EVERY = 50


def _place(case: str) -> float:
    """Where an id, or what it begins with, stands among all: from 0 to less than 1."""
    return int(case[:8].ljust(8, "0"), 16) / 16**8
