"""A bar that says how far the reading of log objects is: bytes, objects, lines and their rate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeElapsedColumn
from rich.text import Text
from typing_extensions import override

from pipeline.cli.console import err
from pipeline.cli.sources import LogObject
from pipeline.cli.words import human_bytes
from pipeline.objects import ObjectRef

_BAR_WIDTH = 12


class Meter:
    """Counts bytes, objects and lines as they are read; several threads may read."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: dict[str, int] = {}
        self.bytes = self.objects = self.lines = 0

    def note_bytes(self, ref: ObjectRef, count: int) -> None:
        """Some bytes of an object were read."""
        with self._lock:
            self._read[ref.name] = self._read.get(ref.name, 0) + count
            self.bytes += count

    def note_lines(self, count: int) -> None:
        """Some lines were read."""
        self.lines += count

    def note_object(self, ref: ObjectRef) -> None:
        """An object is done with: its bytes are behind us, also those that nobody had to read."""
        with self._lock:
            self.bytes += max(0, ref.size - self._read.pop(ref.name, 0))
            self.objects += 1


class _Figures(ProgressColumn):
    """The figures of a meter."""

    def __init__(self, meter: Meter, of_bytes: int, of_objects: int) -> None:
        super().__init__()
        self._meter = meter
        self._of_bytes = human_bytes(of_bytes)
        self._of_objects = of_objects

    @override
    def render(self, task: Task) -> Text:
        meter = self._meter
        rate = meter.lines / task.elapsed if task.elapsed else 0
        return Text(
            f"{human_bytes(meter.bytes)} of {self._of_bytes}, {meter.objects:,} of "
            f"{self._of_objects:,} objects, {meter.lines:,} lines, {rate:,.0f}/s"
        )


class _Bar(BarColumn):
    """The bar of a meter's bytes."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(bar_width=_BAR_WIDTH)
        self._meter = meter

    @override
    def render(self, task: Task):  # type: ignore[no-untyped-def] # rich's own return type
        task.completed = min(self._meter.bytes, task.total or 0)
        return super().render(task)


@contextmanager
def shown(meter: Meter, log_objects: Sequence[LogObject], show: bool) -> Iterator[None]:
    """Show a meter while these objects are read; nothing where stderr is no terminal."""
    total = sum(map(_size, log_objects))
    columns = (_Bar(meter), _Figures(meter, total, len(log_objects)), TimeElapsedColumn())
    hidden = not (show and err.is_terminal)
    with Progress(*columns, console=err, transient=True, disable=hidden) as progress:
        progress.add_task("", total=max(1, total))
        yield


def _size(log_object: LogObject) -> int:
    """The bytes of an object; 0 of a file that cannot be looked at, which fails by itself."""
    if isinstance(log_object, ObjectRef):
        return log_object.size
    return log_object.stat().st_size if Path(log_object).exists() else 0
