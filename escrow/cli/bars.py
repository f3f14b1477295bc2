"""Progress on stderr during what is long; nothing where stderr is no terminal or JSON was asked for."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from escrow.cli.app import App
from escrow.client import Progress, Stage, silent

if TYPE_CHECKING:  # imported where used: it takes 60 ms
    from rich.progress import Progress as Bars

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
    with Bars(*columns, console=Console(stderr=True)) as bars:
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
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda _: bars.advance(task)


class CaseBar:
    """Told of a case's id and of how many of its entries are done, case after case, in order of their ids.

    How many there are nobody knows before all is listed. But ids are hashes, spread evenly, so that an id
    says about how far along it is. `bars` None: nothing is shown.
    """

    def __init__(self, bars: "Bars | None" = None, *, start: str = "", whole: bool = True) -> None:
        self._bars, self._whole, self._first = bars, whole, _place(start)
        self._counted = _Counted()
        self._task = None if bars is None else bars.add_task("", total=1.0 if whole else None, told="")

    def seen(self, case: str, entries: int) -> None:
        if self._bars is None or self._task is None or not self._counted.take(case, entries):
            return
        done = (_place(case) - self._first) / (1 - self._first) if self._whole else None
        told = self._counted.told(self._bars.tasks[0].elapsed)
        self._bars.update(self._task, completed=done, told=told)

    @contextmanager
    def above(self) -> Iterator[None]:
        """Around what is printed meanwhile, so that it does not run into the bar on the same terminal."""
        if self._bars is None:
            yield
            return
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


@contextmanager
def case_bar(app: App, *, start: str, whole: bool) -> Iterator[CaseBar]:
    """A bar for cases from `start` on. `whole` False: only some are looked at, and no id says how far."""
    if app.as_json or not sys.stderr.isatty():
        yield CaseBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("Auditing"), BarColumn(), TextColumn("{task.fields[told]}"),
               TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield CaseBar(bars, start=start, whole=whole)


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
