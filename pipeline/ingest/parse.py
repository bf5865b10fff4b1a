"""One object's bytes → the aggregates of its hours, in one pass and bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeAlias

from pipeline.errors import ObjectRefused
from pipeline.hours import CLOCK_SKEW, hour_of
from pipeline.ingest.accumulator import Accumulator
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.ingest.small import SMALL, Small, small
from pipeline.read.inflate import Inflated, peeked
from pipeline.read.parquet import MAGIC as PARQUET_MAGIC
from pipeline.read.parquet import ParquetObject
from pipeline.read.records import Part, Rows, rows_of
from pipeline.read.text import JSON, TextObject
from pipeline.threads import in_order

LogObject: TypeAlias = TextObject | ParquetObject


def parse(chunks: Iterable[bytes], modified: datetime, reading: Reading) -> Parsed:
    """Count one object. `modified` is the object's own time, which bounds sensible times.

    The rejected lines are in the aggregate of the object's first hour. An object without records
    is counted in the hour of `modified`. Raises ObjectRefused if the object is damaged, beyond
    the limits, or of no known layout.
    """
    return _counted(_opened(chunks, reading), modified, reading)


def parse_unless_small(
    chunks: Iterable[bytes], modified: datetime, reading: Reading
) -> Parsed | Small:
    """As `parse`, but a small object is only read, to become columns together with others."""
    log = _opened(chunks, reading)
    if isinstance(log, TextObject):
        text = log.head(SMALL + 1)
        if whole := small(text, modified, reading.limits):
            return whole
    return _counted(log, modified, reading)


def _opened(chunks: Iterable[bytes], reading: Reading) -> LogObject:
    head, chunks = peeked(chunks, len(PARQUET_MAGIC))
    if head == PARQUET_MAGIC:
        return ParquetObject(chunks, reading.limits)
    return TextObject(Inflated(chunks, reading.limits), reading.configured, reading.limits)


def _counted(log: LogObject, modified: datetime, reading: Reading) -> Parsed:
    accumulator = Accumulator(reading)
    for rows in in_order(_tasks(log, _latest_us(modified)), reading.workers):
        accumulator.add(rows)
    if log.format == JSON and accumulator.rejected and not accumulator.records:
        raise ObjectRefused(_no_json(accumulator))
    return Parsed(
        container=log.container,
        format=log.format,
        layouts=log.layouts,
        layout=log.layout,
        hours=accumulator.hours(hour_of(modified)),
        records=accumulator.records,
        rejected=accumulator.rejected,
        examples=accumulator.examples,
    )


def _tasks(log: LogObject, latest_us: int) -> Iterator[Callable[[], Rows]]:
    return (partial(_rows, read, latest_us) for read in log)


def _rows(read: Callable[[], Part], latest_us: int) -> Rows:
    return rows_of(read(), latest_us)


def _latest_us(modified: datetime) -> int:
    return int((modified + CLOCK_SKEW).timestamp() * 1_000_000)


def _no_json(found: Accumulator) -> str:
    reason, (line, _) = next(iter(found.examples.items()))
    return (
        f"looks like JSON lines, but no line is an object with the time of a request "
        f"({reason} in line {line}); connection logs and other kinds of logs are not access logs"
    )
