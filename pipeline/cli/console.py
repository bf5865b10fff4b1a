"""What all commands share: the consoles, the options, the exit codes, the progress bars."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from pipeline.cli.show_summary import safe

OK, FAILED, USAGE, CHOICE, BUG = 0, 1, 2, 3, 4

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="sqlite:///FILE or dynamodb://TABLE; the environment variable EDGETALLY_STORE "
        "stands in for it.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
FromOption = Annotated[
    str | None,
    typer.Option("--from", help="First day or hour, e.g. 2026-11-23.", show_default=False),
]
ToOption = Annotated[
    str | None,
    typer.Option("--to", help="The one after the last, e.g. 2026-11-24.", show_default=False),
]


class Rate(ProgressColumn):
    """How many are done in a second, from the start on: rich's own speed begins anew whenever the
    total changes, as it does while a bucket is being listed."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn.render`."""
        return Text(f"{_rate(task):,.0f}/s")


class TimeLeft(ProgressColumn):
    """How long the rest of what is known will take at that rate."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn.render`."""
        rate = _rate(task)
        if not rate or task.total is None:
            return Text("-:--:--")
        return Text(str(timedelta(seconds=ceil((task.total - task.completed) / rate))))


def _rate(task: Task) -> float:
    return task.completed / task.elapsed if task.elapsed else 0.0


def complain(message: str) -> None:
    """A line for people, whatever is in it."""
    err.print(safe(message), markup=False, soft_wrap=True)


def progress_bar(enabled: bool, extra: Iterable[ProgressColumn] = ()) -> Progress:
    """A bar for work whose amount is known."""
    columns = (BarColumn(), MofNCompleteColumn(), *extra, TimeElapsedColumn())
    return _progress(enabled, TextColumn("{task.description}"), *columns, TimeLeft())


def _counter(enabled: bool) -> Progress:
    """A number that rises, for work whose amount is not known."""
    count = TextColumn("{task.completed:,.0f} {task.description}")
    return _progress(enabled, SpinnerColumn(), count, TimeElapsedColumn())


def _progress(enabled: bool, *columns: ProgressColumn) -> Progress:
    return Progress(
        *columns, console=err, transient=True, disable=not (enabled and err.is_terminal)
    )


@contextmanager
def counting(what: str, show: bool) -> Iterator[Callable[[], None]]:
    """A number that rises with each call of what this gives."""
    with _counter(show) as bar:
        task = bar.add_task(what, total=None)
        yield lambda: bar.advance(task)
