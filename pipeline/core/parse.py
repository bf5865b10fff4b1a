"""One object's bytes → what is counted in it, in one pass and bounded memory."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.core.aggregate import EMPTY, NO_HOUR, HourlyAggregate, merge
from pipeline.core.columns import LINE_TOO_LONG, read_rows
from pipeline.core.errors import ObjectRefused
from pipeline.core.formats import Layout, header_layout, realtime_layout
from pipeline.core.inflate import inflate
from pipeline.core.limits import Limits
from pipeline.core.lines import LineBlocks
from pipeline.core.tally import tally
from pipeline.core.window import hour_of

CLOCK_SKEW = timedelta(hours=26)
"""How far ahead of its object's own time a line may be. CloudFront delivers after the fact; a day
and two hours also forgives a file stamped in the wrong time zone."""

_SAMPLE = 256 << 10


@dataclass(frozen=True, slots=True)
class Reading:
    """How objects are read: the layout of those without a header, and the limits."""

    headerless: Layout = realtime_layout()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an object holds: aggregates by hour since the epoch, and the lines it had."""

    hours: dict[int, HourlyAggregate]
    records: int
    rejected: dict[str, int]


def parse(chunks: Iterable[bytes], modified: datetime, reading: Reading) -> Parsed:
    """Count one object. `modified` is the object's own time, which bounds sensible timestamps.

    Lines = `records` + the sum of `rejected`. The rejected lines are in the aggregate of the
    object's first hour; an object without records is counted in the hour of `modified`.
    Raises ObjectRefused when the object is damaged, beyond the limits, or of no known layout.
    """
    latest_us = int((modified + CLOCK_SKEW).timestamp() * 1_000_000)
    blocks = LineBlocks(inflate(chunks, reading.limits), reading.limits.max_line)
    hours: dict[int, HourlyAggregate] = {}
    rejected: Counter[str] = Counter()
    records = 0
    for layout, lines in _segments(blocks, reading.headerless):
        rows = read_rows(lines, layout, latest_us)
        if layout is reading.headerless and not records:
            _check_fit(lines, layout, rows.table.num_rows)
        rejected += rows.rejected
        records += rows.table.num_rows
        for hour, aggregate in tally(rows.table).items():
            hours[hour] = merge((hours.get(hour, EMPTY), aggregate))
        if len(hours) > reading.limits.max_hours:
            raise ObjectRefused(
                f"holds lines of more than {reading.limits.max_hours:,} hours; "
                "if that is right, raise EDGETALLY_MAX_HOURS"
            )
    rejected += Counter({LINE_TOO_LONG: blocks.too_long})
    return Parsed(_accounted(hours, hour_of(modified), rejected), records, dict(rejected))


def _segments(blocks: Iterable[bytes], layout: Layout) -> Iterator[tuple[Layout, bytes]]:
    """Runs of lines that share a layout; `#` lines end a run and may change the layout."""
    for block in blocks:
        start = 0
        while start < len(block):
            if block.startswith(b"#", start):
                end = _line_end(block, start)
                layout = _declared(block[start:end]) or layout
            else:
                mark = block.find(b"\n#", start)
                end = mark + 1 if mark >= 0 else len(block)
                lines = block[start:end] if (start, end) != (0, len(block)) else block
                if lines.strip():
                    yield layout, lines
            start = end


def _line_end(block: bytes, start: int) -> int:
    return block.find(b"\n", start) + 1 or len(block)


def _declared(line: bytes) -> Layout | None:
    layout = header_layout(line)
    if layout is not None and not layout.clock:
        raise ObjectRefused(
            "its #Fields header has no time field (date and time, timestamp, or timestamp(ms)): "
            "add one to the fields of the log delivery"
        )
    return layout


def _check_fit(lines: bytes, layout: Layout, records: int) -> None:
    """Refuse an object without a header that was delivered with other fields than assumed.

    A wrong list of fields would shift every column and count nonsense.
    """
    sample = [line for line in lines[:_SAMPLE].split(b"\n") if line]
    widths = [line.count(b"\t") + 1 for line in sample]
    if len(layout.fields) in widths and records:
        return
    raise ObjectRefused(
        f"has no #Fields header, and its lines ({widths[0]} fields) do not fit {layout.source} "
        f"({len(layout.fields)} fields, time in {'+'.join(layout.clock)}); "
        "set EDGETALLY_REALTIME_FIELDS to the fields it was delivered with"
    )


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
