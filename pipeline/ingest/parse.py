"""One object's bytes → the aggregates of its hours, in one pass and bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TypeAlias

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import EMPTY
from pipeline.hours import CLOCK_SKEW, hour_of
from pipeline.ingest.accumulator import Accumulator, accounted
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.ingest.share import Share
from pipeline.ingest.small import SMALL, Small, read_together, small
from pipeline.read.inflate import Inflated, peeked
from pipeline.read.parquet import MAGIC as PARQUET_MAGIC
from pipeline.read.parquet import ParquetObject
from pipeline.read.records import Part, Rows, rows_of
from pipeline.read.text import JSON, WITH_HEADER, TextObject
from pipeline.threads import in_order

LogObject: TypeAlias = TextObject | ParquetObject


def parse(chunks: Iterable[bytes], modified: datetime, reading: Reading) -> Parsed:
    """Count one object. `modified` is the object's own time, which bounds sensible times.

    The rejected lines are in the aggregate of the object's first hour. An object without records
    is counted in the hour of `modified`. Raises ObjectRefused if the object is damaged, beyond
    the limits, or of no known layout.
    """
    return _counted(_opened(chunks, reading), modified, reading)


def parse_small(chunks: Iterable[bytes], modified: datetime, reading: Reading) -> Parsed | Small:
    """As `parse`, but an object that is worth it is left to `parse_together`."""
    log = _opened(chunks, reading)
    if isinstance(log, TextObject):
        text = log.head(SMALL + 1)
        if whole := small(text, modified, _latest_us(modified), reading.limits):
            return whole
    return _counted(log, modified, reading)


def parse_together(objects: Sequence[Small], reading: Reading) -> list[Parsed | None]:
    """The small objects as parsed; None for those that `parse_alone` has to parse."""
    shares = read_together(objects, reading.visitors)
    return [
        _shared(small, share) if share else None
        for small, share in zip(objects, shares, strict=True)
    ]


def parse_alone(small: Small, reading: Reading) -> Parsed:
    """One small object as parsed. Raises as `parse` does."""
    return parse([small.text], small.modified, reading)


def _shared(small: Small, share: Share) -> Parsed:
    return Parsed(
        container="gzip",
        format=WITH_HEADER,
        layouts=[small.layout],
        layout=small.layout.source,
        hours=accounted(dict.fromkeys(share.lines, EMPTY), hour_of(small.modified), Counter()),
        records=small.lines,
        rejected=Counter(),
        examples={},
        share=share,
    )


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
    reason, (line, text) = next(iter(found.examples.items()))
    return (
        f"looks like JSON lines, but no line is an object with the time of a request "
        f"({reason} in line {line}: {text[:60]!a}); connection logs and other kinds of logs "
        "are not access logs"
    )
