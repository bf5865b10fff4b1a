"""The cost of the report and of the page: `python -m benchmarks.page`.

The report of a log beside GoAccess's report of the same log, each a process that writes a file; the
page of 24 hours beside the summary of the same rows, each a request in and a response out. Each is
timed in turn with what it is compared with.
"""

import argparse
import gzip
import shutil
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from benchmarks.__main__ import ROWS, Bench
from benchmarks.answers import NOW, ORDINARY_REQUESTS, SITE, Figure, api, asking, in_turn
from benchmarks.full_hours import full_hour
from benchmarks.generate import START, requests, standard_text
from pipeline.deadline import NEVER
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hours import HOUR_US, HOURS_PER_DAY, hour_of
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.page import render
from pipeline.page.address import Address
from pipeline.page.door import Door
from pipeline.store.counted import RowKey
from pipeline.store.ledger import StoredRow
from pipeline.store.sqlite import SqliteStore

REPORT_KB, PEAK_MB, OVER_GOACCESS = 200, 260, 10
"""The most kilobytes and megabytes of a report of a million lines, and how many times as fast as
GoAccess it is to be made."""
PAGE_KB, PACKED_KB = 150, 25
"""The most kilobytes of a page, as they are and compressed."""
OVER_SUMMARY, DRAWING_SECONDS = 1.5, 0.02
"""The longest that a page may take, over its summary; and the making of its text."""


def ordinary_hour(hour: int) -> HourlyAggregate:
    """An hour of the generator's traffic, at its own time."""
    text = standard_text(requests(hour, ORDINARY_REQUESTS, start=3600 * hour))
    return merge(parse([gzip.compress(text, 1)], NOW, Reading()).hours.values())


def busy_hour(hour: int) -> HourlyAggregate:
    """An hour with every table full, at its own time."""
    full = full_hour(hour)
    begin = hour * HOUR_US
    totals = msgspec.structs.replace(full.totals, first_us=begin, last_us=begin + HOUR_US - 1)
    return replace(full, totals=totals)


def door(folder: Path, kind: str, hour: Callable[[int], HourlyAggregate], ttl: int) -> Door:
    """The page and the API over two days of such hours."""
    store = SqliteStore(folder / f"{kind}.db")
    if store.meta().sites == ():
        last = hour_of(NOW)
        hours = range(last - 2 * HOURS_PER_DAY + 1, last + 1)
        store.restore((), [StoredRow(RowKey(SITE, "hour", each), hour(each)) for each in hours])
    served = api(store, ttl)
    return Door(served.service, served)


def pages(folder: Path, rounds: int) -> Iterator[str]:
    """Rows of a table: the page beside the summary, its sizes, and the making of its text."""
    for kind, hour in (("ordinary", ordinary_hour), ("full", busy_hour)):
        opened = door(folder, kind, hour, 0)
        for name, page_options, summary_options in (
            ("as both come", {}, {}),
            ("both compared", {}, {"compare": "previous"}),
            ("neither compared", {"compare": "none"}, {}),
        ):
            page = asking(opened, "/", window="24h", **page_options)
            summary = asking(opened, "/metrics/summary", window="24h", **summary_options)
            label = f"{kind} rows: the page over the summary, {name}"
            yield line(Figure(label, OVER_SUMMARY, *in_turn(page, summary, rounds)))
        page = asking(door(folder, kind, hour, 3600), "/", window="24h")
        cached, drawn = in_turn(page, lambda: None, rounds)[0], drawing(opened, rounds)
        yield f"| {kind} rows: ms of the page of cached answers | | {1000 * cached:.1f} | |"
        most = f"{1000 * DRAWING_SECONDS:.0f}"
        yield f"| {kind} rows: ms of making the page's text | {most} | {1000 * drawn:.1f} | |"
        body = page()["body"].encode()
        for name, size, kilobytes in (
            ("KB", len(body), PAGE_KB),
            ("KB compressed", len(zlib.compress(body, 9)), PACKED_KB),
        ):
            yield f"| {kind} rows: the page, {name} | {kilobytes} | {size / 1000:.1f} | |"


def line(each: Figure) -> str:
    """A row of the table."""
    beside = f"{1000 * each.seconds:.1f} beside {1000 * each.beside:.1f}"
    return f"| {each.name} | {each.most} | {each.ratio:.2f} | {beside} |"


def drawing(opened: Door, rounds: int) -> float:
    """The median seconds of making the page's text of its answers."""
    source = opened.source(Address(), [SITE], 0, NEVER)
    times = []
    for _ in range(5 * rounds):
        began = time.perf_counter()
        render.page(source)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def reports(folder: Path, rows: int, rounds: int) -> Iterator[str]:
    """Rows of a table: both reports of a log, which GoAccess gets inflated, as it needs it."""
    text, log = folder / "log", folder / "log.gz"
    text.write_bytes(standard_text(requests(1, rows, start=START)))
    log.write_bytes(gzip.compress(text.read_bytes(), 6, mtime=0))
    bench = Bench(rounds, log)
    contestants = {"report": log, "goaccess-report": text}
    if not shutil.which("goaccess"):
        print("GoAccess is missing: apt-get install goaccess", file=sys.stderr)
        del contestants["goaccess-report"]
    for _ in range(rounds):
        for name, path in contestants.items():
            bench.measure(name, name, path, 1)
    print(file=sys.stderr)
    for name, label in (
        ("report", "`edgetally report` of the gzip"),
        ("goaccess-report", "GoAccess of the text"),
    ):
        if found := bench.found.get(name):
            cpu = statistics.median(each.cpu_seconds for each in found)
            yield (
                f"| {label} | {found[0].rows:,} | {bench.seconds(name):.2f} | {cpu:.2f} "
                f"| {bench.peak(name):.0f} | {found[0].bytes / 1000:.1f} |"
            )
    yield f"| at most | | | | {PEAK_MB} | {REPORT_KB} |"
    if len(contestants) > 1:
        ratio = bench.seconds("goaccess-report") / bench.seconds("report")
        yield f"| GoAccess over edgetally, at least {OVER_GOACCESS} | | {ratio:.1f} × | | | |"


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description="the page's part of docs/performance.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=ROWS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(f"| a report of {chosen.rows:,} lines | counted | wall s | CPU s | peak MB | KB |")
        print("|---|---|---|---|---|---|")
        for each in reports(Path(name), chosen.rows, chosen.rounds):
            print(each, flush=True)
        print("\n| figure, same run | at most | measured | ms beside ms |")
        print("|---|---|---|---|")
        for each in pages(Path(name), chosen.rounds):
            print(each, flush=True)


if __name__ == "__main__":
    main()
