"""One object's bytes → the aggregates of its hours, in one pass and bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial

from pipeline.errors import ObjectRefused
from pipeline.hours import hour_of
from pipeline.ingest.accumulator import Accumulator
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.ingest.small import SMALL, Small, small
from pipeline.read.open import LogObject, open_log
from pipeline.read.records import (
    BAD_JSON,
    BAD_TIMESTAMP,
    LINE_TOO_LONG,
    OUT_OF_RANGE,
    TOO_FEW_FIELDS,
    Part,
    Rows,
    latest_of,
    rows_of,
)
from pipeline.read.tabbed import Tabbed
from pipeline.read.text import JSON, TextObject
from pipeline.sites import Place
from pipeline.tally.naming import Naming
from pipeline.threads import in_order, in_turn

_WORTH_A_THREAD = 1 << 20
"""Bytes of a run of lines from which on an object is large."""

OF_NO_SITE = Naming()
"""All lines are of one site without a name."""

REMEDIES = {
    TOO_FEW_FIELDS: "fewer fields than its layout has; if they are not separated by TABs, choose "
    "TAB for the delivery, as values hold any other delimiter too",
    BAD_TIMESTAMP: "no time of a request in date and time, timestamp or timestamp(ms); connection "
    "logs and other kinds are not access logs",
    OUT_OF_RANGE: "before CloudFront, or more than 26 hours after the object's own time",
    LINE_TOO_LONG: "longer than EDGETALLY_MAX_LINE_BYTES",
    BAD_JSON: "not a JSON object, or one with an array or object as the value of a field",
}
"""What is wrong with the lines of each reason, by fields, and never with a value of one."""


def parse(
    chunks: Iterable[bytes], modified: datetime, reading: Reading, naming: Naming = OF_NO_SITE
) -> Parsed:
    """Count one object. `modified` is the object's own time, which bounds sensible times.

    The rejected lines are in the aggregate of the object's first place. An object without records
    is counted in the hour of `modified`, at its own site. Raises ObjectRefused if the object is
    damaged, beyond the limits, or of no known layout.
    """
    log = open_log(chunks, reading.configured, reading.limits)
    return _counted(log, modified, reading, naming)


def parse_unless_small(
    chunks: Iterable[bytes], modified: datetime, reading: Reading, naming: Naming
) -> Parsed | Small:
    """As `parse`, but a small object is only read, to become columns together with others."""
    log = open_log(chunks, reading.configured, reading.limits)
    if isinstance(log, TextObject):
        text = log.head(SMALL + 1)
        if whole := small(text, modified, reading.limits, naming):
            reading.on_lines(whole.lines)
            return whole
    return _counted(log, modified, reading, naming)


def _counted(log: LogObject, modified: datetime, reading: Reading, naming: Naming) -> Parsed:
    latest_us = latest_of(modified)
    accumulator = Accumulator(reading, naming, latest_us)
    if reading.native:
        for count in _read(log, accumulator, reading.workers):
            reading.on_lines(count)
    else:
        for rows in in_order(_tasks(log, latest_us), reading.workers):
            accumulator.add(rows)
            reading.on_lines(rows.count)
    accumulator.end()
    if accumulator.rejected and not accumulator.records:
        raise ObjectRefused(_uncounted(accumulator, log.format))
    return Parsed(
        container=log.container,
        format=log.format,
        layouts=log.layouts,
        layout=log.layout,
        rows=accumulator.rows(Place(hour_of(modified), naming.own)),
        records=accumulator.records,
        rejected=accumulator.rejected,
        first=accumulator.first,
    )


def _read(log: LogObject, accumulator: Accumulator, workers: int) -> Iterator[int]:
    """Add all lines; yields the numbers of them. A large object is counted in a thread while the
    next of its text is inflated."""
    tasks = iter(log)
    for task in tasks:
        yield accumulator.read(task)
        if workers > 1 and isinstance(task, Tabbed) and len(task.text) >= _WORTH_A_THREAD:
            yield from in_turn(partial(accumulator.read, each) for each in tasks)


def _tasks(log: LogObject, latest_us: int) -> Iterator[Callable[[], Rows]]:
    return (partial(_rows, read, latest_us) for read in log)


def _rows(read: Callable[[], Part], latest_us: int) -> Rows:
    return rows_of(read(), latest_us)


def _uncounted(lines: Accumulator, form: str) -> str:
    """The reason to refuse an object without a single record. It has no value of a line."""
    found = "; ".join(
        f"{count:,} × {reason}, first in line {lines.first[reason]:,}: {REMEDIES[reason]}"
        for reason, count in lines.rejected.items()
    )
    what = "looks like JSON lines, but " if form == JSON else ""
    return f"{what}none of its {lines.rejected.total():,} lines can be counted ({found})"
