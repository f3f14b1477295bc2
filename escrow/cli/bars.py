"""Progress on stderr while a file is sealed, sent or opened; nothing where stderr is no terminal or JSON
was asked for.
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
