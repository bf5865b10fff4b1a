"""Lines of a layout through the kernel; those that are not plain are read with the others' code."""

from collections.abc import Iterator, Mapping

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.read.layout import Layout
from pipeline.read.records import Rows, rows_of
from pipeline.read.tabbed import Tabbed
from pipeline.sites import Place
from pipeline.tally.naming import Naming
from pipeline.tally.native.kernel import Kernel, Odd
from pipeline.tally.native.plan import is_plannable
from pipeline.tally.visitors import Visitors

_POOL, _POOL_BYTES = 8192, 4 << 20
"""Odd lines that are read together: one by one, each would cost as much as hundreds."""

_WORTH_A_KERNEL = 64 << 10
"""Bytes of lines of another layout from which on a new kernel pays."""

_LEAST = 8192
"""Lines between two times that a kernel is full. Fewer would cost more than they spare: then the
lines have too many sites or hours at once."""


class PlainLines:
    """Counts runs of lines of one object, whose times are not behind `latest_us`."""

    def __init__(self, visitors: Visitors, naming: Naming, latest_us: int) -> None:
        self._visitors = visitors
        self._naming = naming
        self._latest_us = latest_us
        self._kernel: Kernel | None = None
        self._layout: Layout | None = None
        self._taken_at = 0
        self._is_of_use = True
        self._odd: list[Odd] = []
        self._odd_bytes = 0
        self._odd_rows: list[tuple[Rows, Mapping[str, int]]] = []
        self._counted: list[tuple[Place, HourlyAggregate]] = []

    def takes(self, run: Tabbed) -> bool:
        """Whether the kernel can count a run, and it pays. A CR may be a line end or a value's."""
        if not self._is_of_use or b"\r" in run.text or not is_plannable(run.layout):
            return False
        is_other = self._layout not in (None, run.layout)
        return not is_other or len(run.text) >= _WORTH_A_KERNEL

    def add(self, run: Tabbed, lines: int) -> int:
        """Count a run. The object has `lines` before it; returns their number behind it. Raises
        MemoryError."""
        kernel = self._kernel_for(run.layout, lines)
        text = run.text if run.text.endswith(b"\n") else run.text + b"\n"
        at, line = 0, 0
        while at < len(text):
            at, line, odd, is_full = kernel.feed(text, at, line)
            self._pool(odd, lines + 1)
            if is_full:
                self._is_of_use &= lines + line - self._taken_at >= _LEAST
                self._take(kernel, lines + line)
        return lines + line

    def odd_rows(self) -> Iterator[tuple[Rows, Mapping[str, int]]]:
        """The rows of odd lines so far, each time once, with the number in the object of the first
        rejected line of each reason."""
        while self._odd_rows:
            yield self._odd_rows.pop()

    def counted(self) -> list[tuple[Place, HourlyAggregate]]:
        """The aggregates of plain lines so far, each time once."""
        counted, self._counted = self._counted, []
        return counted

    def end(self) -> None:
        """Make rows and aggregates of all that waits."""
        if self._kernel:
            self._take(self._kernel, 0)
            self._kernel.close()
            self._kernel = None
        self._read_odd()

    def _kernel_for(self, layout: Layout, lines: int) -> Kernel:
        if self._kernel and self._layout == layout:
            return self._kernel
        self.end()
        field = self._naming.field
        self._layout, self._taken_at = layout, lines
        self._kernel = Kernel(layout, self._latest_us, self._visitors, field)
        return self._kernel

    def _take(self, kernel: Kernel, lines: int) -> None:
        found = kernel.take()
        self._taken_at = lines
        named = dict.fromkeys(each.site for each in found if each.site is not None)
        names = dict(zip(named, self._naming.names(named), strict=True))
        for each in found:
            site = self._naming.own if each.site is None else names[each.site]
            self._counted.append((Place(each.hour, site), each.aggregate))

    def _pool(self, odd: list[Odd], first: int) -> None:
        """Keep odd lines of a run whose first line has this number in the object."""
        self._odd += [Odd(first + line, text) for line, text in odd]
        self._odd_bytes += sum(len(text) for _, text in odd)
        if len(self._odd) >= _POOL or self._odd_bytes >= _POOL_BYTES:
            self._read_odd()

    def _read_odd(self) -> None:
        odd, self._odd, self._odd_bytes = self._odd, [], 0
        if not odd or self._layout is None:
            return
        text = b"".join(line + b"\n" for _, line in odd)
        rows = rows_of(Tabbed(text, self._layout)(), self._latest_us)
        first = {reason: odd[line - 1].line for reason, line in rows.first.items()}
        self._odd_rows.append((rows, first))
