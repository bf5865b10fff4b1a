"""The consoles, the options and the progress that all commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console, ConsoleDimensions
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TimeElapsedColumn
from rich.text import Text
from typing_extensions import override

from pipeline.cli.words import human_bytes, safe

_IN_A_FILE = 160
_LEAST = 40
"""Columns below which words could not be read; a narrower terminal wraps lines by itself."""


class _Out(Console):
    """Standard output. In a file or a pipe lines may be longer than Rich's 80 characters, unless
    the variable COLUMNS says how long."""

    @property
    @override
    def size(self) -> ConsoleDimensions:
        size = super().size
        size = ConsoleDimensions(max(size.width, _LEAST), size.height)
        if self.is_terminal or self._environ.get("COLUMNS"):
            return size
        return ConsoleDimensions(_IN_A_FILE, size.height)

    @size.setter
    def size(self, new: tuple[int, int]) -> None:
        self._width, self._height = new


out = _Out(highlight=False)
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
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace another file that is there; never a store.")
]
QueueOption = Annotated[
    str | None,
    typer.Option("--queue", help="URL of the queue that feeds the ingest.", show_default=False),
]


def complain(message: str) -> None:
    """Print a line on stderr; what could command a terminal is escaped."""
    err.print(safe(message), markup=False, soft_wrap=True)


class _Done(ProgressColumn):
    """How many are done, of how many bytes if that is known, and how many a second."""

    @override
    def render(self, task: Task) -> Text:
        size = f", {human_bytes(task.fields['size'])}" if task.fields["size"] else ""
        rate = task.completed / task.elapsed if task.elapsed else 0
        return Text(f"{task.completed:,.0f} {task.description}{size}, {rate:,.0f}/s")


@contextmanager
def counting(what: str, show: bool) -> Iterator[Callable[..., None]]:
    """Show a number that rises; the function that is given adds `count` and `size` in bytes to it.

    Nothing is shown where stderr is no terminal.
    """
    columns = (SpinnerColumn(), _Done(), TimeElapsedColumn())
    hidden = not (show and err.is_terminal)
    with Progress(*columns, console=err, transient=True, disable=hidden) as progress:
        task = progress.add_task(what, total=None, size=0)

        def add(count: int = 1, size: int = 0) -> None:
            progress.update(task, advance=count, size=progress.tasks[0].fields["size"] + size)

        yield add
