"""One object's bytes → what is counted in it, in one pass and bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from pipeline.core.aggregate import EMPTY, NO_HOUR, HourlyAggregate, merge
from pipeline.core.columns import read_lines, unix_line_ends
from pipeline.core.detect import choose_layout
from pipeline.core.errors import ObjectRefused
from pipeline.core.formats import Layout, header_layout
from pipeline.core.inflate import GZIP_MAGIC, Inflated, peeked
from pipeline.core.json_lines import one_per_line, read_json
from pipeline.core.limits import Limits
from pipeline.core.lines import Block, LineBlocks
from pipeline.core.parquet import MAGIC as PARQUET_MAGIC
from pipeline.core.parquet import ParquetRows
from pipeline.core.rows import LINE_TOO_LONG, Example, Rows, no_rows
from pipeline.core.tally import joined, tally
from pipeline.core.window import hour_of

CLOCK_SKEW = timedelta(hours=26)
"""How far ahead of its object's own time a line may be. CloudFront delivers after the fact; a day
and two hours also forgives a file stamped in the wrong time zone."""

_TALLIED_TOGETHER = 65_536
"""Rows whose distinct values are brought together before they become Python objects, which costs
more than reading them; their columns take a few megabytes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How objects are read: the configured layouts of those without a header, and the limits."""

    configured: tuple[Layout, ...] = ()
    limits: Limits = Limits()


@dataclass(slots=True)
class Parsed:
    """What an object holds: aggregates by hour since the epoch, and the lines it had.

    `container`, `format` and `layouts` say what it was found to be; `examples` has the first
    rejected line of each reason, by its number in the object. Lines = `records` + Σ `rejected`.
    """

    container: str
    format: str = "empty"
    layouts: list[Layout] = field(default_factory=list)
    hours: dict[int, HourlyAggregate] = field(default_factory=dict)
    records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)
    _pending: list[pa.Table] = field(default_factory=list)
    _pending_rows: int = 0

    @property
    def layout(self) -> str:
        """Where its layouts are from, as the ledger keeps it."""
        if self.format == "json":
            return "its JSON keys"
        return ", then ".join(dict.fromkeys(layout.source for layout in self.layouts))

    def add(self, rows: Rows, lines_before: int) -> None:
        """Count rows of which the first line follows that many lines of the object."""
        self.rejected += rows.rejected
        self.records += rows.table.num_rows
        for reason, (line, text) in rows.examples.items():
            self.examples.setdefault(reason, Example(lines_before + line, text))
        self._pending.append(rows.table)
        self._pending_rows += rows.table.num_rows
        if self._pending_rows >= _TALLIED_TOGETHER:
            self.tally()

    def tally(self) -> None:
        """Bring `hours` up to date with the rows that were added."""
        rows = joined(self._pending)
        self._pending.clear()
        self._pending_rows = 0
        for hour, aggregate in tally(rows).items():
            self.hours[hour] = merge((self.hours.get(hour, EMPTY), aggregate))


def parse(chunks: Iterable[bytes], modified: datetime, reading: Reading) -> Parsed:
    """Count one object. `modified` is the object's own time, which bounds sensible times.

    The rejected lines are in the aggregate of the object's first hour; an object without records
    is counted in the hour of `modified`. Raises ObjectRefused when the object is damaged, beyond
    the limits, or of no known layout.
    """
    latest_us = int((modified + CLOCK_SKEW).timestamp() * 1_000_000)
    head, chunks = peeked(chunks, len(PARQUET_MAGIC))
    read = _parquet if head == PARQUET_MAGIC else _text
    parsed = Parsed("plain")
    for rows, lines_before in read(chunks, parsed, latest_us, reading):
        parsed.add(rows, lines_before)
        _check_hours(parsed, reading.limits)
    parsed.tally()
    _check_hours(parsed, reading.limits)
    parsed.hours = _accounted(parsed.hours, hour_of(modified), parsed.rejected)
    return parsed


def _check_hours(parsed: Parsed, limits: Limits) -> None:
    if len(parsed.hours) > limits.max_hours:
        raise ObjectRefused(
            f"holds lines of more than {limits.max_hours:,} hours; "
            "if that is right, raise EDGETALLY_MAX_HOURS"
        )


def _parquet(
    chunks: Iterable[bytes], parsed: Parsed, latest_us: int, reading: Reading
) -> Iterator[tuple[Rows, int]]:
    """Parquet is read from its end, so the object (compressed) is held in memory."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > reading.limits.max_parquet:
            raise ObjectRefused(
                f"is Parquet of more than {reading.limits.max_parquet:,} bytes; "
                "if the memory allows it, raise EDGETALLY_MAX_PARQUET_BYTES"
            )
    rows = ParquetRows(body, reading.limits)
    parsed.container, parsed.format = "Parquet", "parquet"
    parsed.layouts.append(rows.layout)
    for batch in rows.read(latest_us):
        yield batch, 0


def _text(
    chunks: Iterable[bytes], parsed: Parsed, latest_us: int, reading: Reading
) -> Iterator[tuple[Rows, int]]:
    text = Inflated(chunks, reading.limits)
    blocks = LineBlocks(one_per_line(text), reading.limits.max_line)
    read: Callable[[bytes], Rows] | None = None
    for lines_before, run in _runs(blocks):
        if run.startswith(b"#"):
            if layout := _declared(run):
                read = _line_reader(layout, parsed, latest_us)
                parsed.format = "lines with a header"
            continue
        if read is None and run.lstrip().startswith(b"{"):
            read = partial(read_json, latest_us=latest_us)
            parsed.format = "json"
        elif read is None:
            read = _line_reader(_headerless(run, reading), parsed, latest_us)
            parsed.format = "lines without a header"
        yield read(run), lines_before
    parsed.container = text.container
    long = [Example(number, "(too long to show)") for number in blocks.too_long]
    yield Rows(no_rows()).also_rejected(LINE_TOO_LONG, long), 0
    if parsed.format == "json" and parsed.rejected and not parsed.records:
        raise ObjectRefused(_no_json(parsed))


def _line_reader(layout: Layout, parsed: Parsed, latest_us: int) -> Callable[[bytes], Rows]:
    if layout not in parsed.layouts:
        parsed.layouts.append(layout)
    return partial(read_lines, layout=layout, latest_us=latest_us)


def _headerless(run: bytes, reading: Reading) -> Layout:
    if run.startswith(GZIP_MAGIC):
        raise ObjectRefused("is gzip inside gzip: deliver it compressed once")
    return choose_layout(run, reading.configured)


def _no_json(parsed: Parsed) -> str:
    reason, (line, text) = next(iter(parsed.examples.items()))
    return (
        f"looks like JSON lines, but no line is an object with the time of a request "
        f"({reason} in line {line}: {text[:60]!a}); connection logs and other kinds of logs "
        "are not access logs"
    )


def _runs(blocks: Iterable[Block]) -> Iterator[tuple[int, bytes]]:
    """Each `#` line by itself, and the runs of lines between them, with the lines before each."""
    for before, text in blocks:
        block = unix_line_ends(text)
        start, lines_before = 0, before
        while start < len(block):
            if block.startswith(b"#", start):
                end = block.find(b"\n", start) + 1 or len(block)
            else:
                # Looking for the one byte first is many times faster, and nearly always enough.
                mark = block.find(b"\n#", start) if b"#" in block else -1
                end = mark + 1 if mark >= 0 else len(block)
            run = block if end - start == len(block) else block[start:end]
            if run.strip(b"\n"):
                yield lines_before, run
            start = end
            lines_before += run.count(b"\n") if end < len(block) else 0


def _declared(line: bytes) -> Layout | None:
    layout = header_layout(line)
    if layout is not None and not layout.has_clock:
        raise ObjectRefused(
            "its #Fields header has no time field (date and time, timestamp, or timestamp(ms)): "
            "add one to the fields of the log delivery"
        )
    return layout


def _accounted(
    hours: dict[int, HourlyAggregate], own_hour: int, rejected: Counter[str]
) -> dict[int, HourlyAggregate]:
    """The hours, with the object itself and its rejected lines counted in them."""
    touched = sorted(hours) or [own_hour]
    accounted = {
        hour: replace(hours.get(hour, EMPTY), objects={previous: 1})
        for previous, hour in zip([NO_HOUR, *touched], touched, strict=False)
    }
    first = touched[0]
    accounted[first] = replace(accounted[first], rejected=dict(rejected))
    return accounted
