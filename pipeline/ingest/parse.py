"""One object's bytes → what is counted in it, in one pass and bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import msgspec

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import EMPTY, HourlyAggregate
from pipeline.hour.totals import NO_HOUR
from pipeline.hours import CLOCK_SKEW, hour_of
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.ingest.share import Share
from pipeline.ingest.small import SMALL, Small, read_together, small
from pipeline.read.blocks import LineBlocks
from pipeline.read.detect import choose_layout
from pipeline.read.inflate import GZIP_MAGIC, Inflated, peeked
from pipeline.read.json_lines import one_per_line, read_json
from pipeline.read.layout import Layout, header_layout
from pipeline.read.limits import Limits
from pipeline.read.parquet import MAGIC as PARQUET_MAGIC
from pipeline.read.parquet import ParquetRows
from pipeline.read.records import LINE_TOO_LONG, Example, Rows, no_rows
from pipeline.read.tabbed import line_ends, read_lines, unix_line_ends
from pipeline.threads import in_order

Task: TypeAlias = Callable[[], Rows]
"""Reads the next part of an object."""


def parse(chunks: Iterable[bytes], modified: datetime, reading: Reading) -> Parsed:
    """Count one object. `modified` is the object's own time, which bounds sensible times.

    The rejected lines are in the aggregate of the object's first hour; an object without records
    is counted in the hour of `modified`. Raises ObjectRefused when the object is damaged, beyond
    the limits, or of no known layout.
    """
    head, chunks = peeked(chunks, len(PARQUET_MAGIC))
    if head == PARQUET_MAGIC:
        parsed = Parsed("Parquet", "parquet")
        return _counted(parsed, _parquet(chunks, parsed, modified, reading), modified, reading)
    return _parsed_text(Inflated(chunks, reading.limits), modified, reading)


def parse_small(chunks: Iterable[bytes], modified: datetime, reading: Reading) -> Parsed | Small:
    """As `parse`, but an object that is worth it is left to `parse_together`."""
    head, chunks = peeked(chunks, len(PARQUET_MAGIC))
    if head == PARQUET_MAGIC:
        return parse(chunks, modified, reading)
    text = Inflated(chunks, reading.limits)
    begin, rest = peeked(text, SMALL + 1)
    found = small(begin, modified, _latest_us(modified), reading.limits)
    return found or _parsed_text(text, modified, reading, rest)


def parse_together(objects: Sequence[Small], reading: Reading) -> list[Parsed | None]:
    """What small objects hold; None for those that `parse_alone` has to parse."""
    return [
        None if share is None else _shared(each, share)
        for each, share in zip(objects, read_together(objects, reading.visitors), strict=True)
    ]


def parse_alone(small: Small, reading: Reading) -> Parsed:
    """What one small object holds. Raises as `parse` does."""
    return parse([small.text], small.modified, reading)


def _shared(small: Small, share: Share) -> Parsed:
    hours = dict.fromkeys(share.lines, EMPTY)
    return Parsed(
        "gzip",
        _WITH_HEADER,
        [small.layout],
        _accounted(hours, hour_of(small.modified), Counter()),
        small.lines,
        share=share,
    )


_WITH_HEADER, _HEADERLESS = "lines with a header", "lines without a header"


def _parsed_text(
    text: Inflated, modified: datetime, reading: Reading, texts: Iterable[bytes] | None = None
) -> Parsed:
    """The object of this text, or of these pieces of it."""
    parsed = Parsed("plain")
    _counted(parsed, _text(texts or text, parsed, modified, reading), modified, reading)
    parsed.container = text.container
    if parsed.format == "json" and parsed.rejected and not parsed.records:
        raise ObjectRefused(_no_json(parsed))
    return parsed


def _counted(parsed: Parsed, tasks: Iterator[Task], modified: datetime, reading: Reading) -> Parsed:
    for rows in in_order(tasks, reading.workers):
        parsed.add(rows, reading)
        _check_hours(parsed, reading.limits)
    parsed.tally(reading)
    parsed.merge(reading)
    _check_hours(parsed, reading.limits)
    parsed.hours = _accounted(parsed.hours, hour_of(modified), parsed.rejected)
    return parsed


def _latest_us(modified: datetime) -> int:
    return int((modified + CLOCK_SKEW).timestamp() * 1_000_000)


def _check_hours(parsed: Parsed, limits: Limits) -> None:
    if parsed.distinct_hours > limits.max_hours:
        raise ObjectRefused(
            f"holds lines of more than {limits.max_hours:,} hours; "
            "if that is right, raise EDGETALLY_MAX_HOURS"
        )


def _parquet(
    chunks: Iterable[bytes], parsed: Parsed, modified: datetime, reading: Reading
) -> Iterator[Task]:
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
    parsed.layouts.append(rows.layout)
    for batch in rows.read(_latest_us(modified)):
        yield partial(_as_read, batch)


def _text(
    texts: Iterable[bytes], parsed: Parsed, modified: datetime, reading: Reading
) -> Iterator[Task]:
    latest_us = _latest_us(modified)
    read: Callable[[bytes], Rows] | None = None
    for block in LineBlocks(one_per_line(texts), reading.limits.max_line):
        if block.too_long:
            long = [Example(number, "(too long to show)") for number in block.too_long]
            yield partial(_as_read, Rows(no_rows()).also_rejected(LINE_TOO_LONG, long))
        for run in _runs(unix_line_ends(block.text)):
            if run.startswith(b"#") and (layout := _declared(run)):
                read = _line_reader(layout, parsed, latest_us)
                parsed.format = _WITH_HEADER
            if run.startswith(b"\n") or (run.startswith(b"#") and parsed.format != "json"):
                yield partial(_as_read, Rows(no_rows(), lines=line_ends(run)))
                continue
            if read is None and run.lstrip().startswith(b"{"):
                read = partial(read_json, latest_us=latest_us)
                parsed.format = "json"
            elif read is None:
                read = _line_reader(_headerless(run, reading), parsed, latest_us)
                parsed.format = _HEADERLESS
            yield partial(read, run)


def _as_read(rows: Rows) -> Rows:
    return rows


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


def _runs(block: bytes) -> Iterator[bytes]:
    """Each `#` line by itself, the empty lines that a run begins with, and the runs of lines."""
    start = 0
    while start < len(block):
        if block.startswith(b"#", start):
            end = block.find(b"\n", start) + 1 or len(block)
        elif block.startswith(b"\n", start):
            end = len(block) - len(block[start:].lstrip(b"\n"))
        else:
            # Looking for the one byte first is many times faster, and nearly always enough.
            mark = block.find(b"\n#", start) if b"#" in block else -1
            end = mark + 1 if mark >= 0 else len(block)
        yield block if end - start == len(block) else block[start:end]
        start = end


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
        hour: _with(hours.get(hour, EMPTY), objects={previous: 1})
        for previous, hour in zip([NO_HOUR, *touched], touched, strict=False)
    }
    first = touched[0]
    accounted[first] = _with(accounted[first], rejected=dict(rejected))
    return accounted


def _with(aggregate: HourlyAggregate, **totals: Mapping[Any, int]) -> HourlyAggregate:
    return replace(aggregate, totals=msgspec.structs.replace(aggregate.totals, **totals))
