"""Rows a second of every format, on the same requests, in one run: `make bench`.

Each format is parsed whole, in this process, several times in turn; the median is shown, and its
ratio to the standard logs' (v1). Only the ratios mean anything on another machine.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from benchmarks.generate import FORMATS, requests
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)


def main() -> None:
    """Measure and print the table."""
    arguments = argparse.ArgumentParser(description="rows a second of every format")
    arguments.add_argument("--count", type=int, default=300_000)
    arguments.add_argument("--rounds", type=int, default=5)
    chosen = arguments.parse_args()
    same = list(requests(1, chosen.count))
    bodies = {name: write(same) for name, write in FORMATS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in bodies}
    for _ in range(chosen.rounds):
        for name, body in bodies.items():
            started = time.perf_counter()
            parsed = parse([body], MODIFIED, Reading())
            seconds[name].append(time.perf_counter() - started)
            if parsed.records != chosen.count:
                raise SystemExit(f"{name}: {parsed.records} of {chosen.count} records")
    base = statistics.median(seconds["v1"])
    table = Table("format", "MB", "rows/s", "of v1")
    for name, times in seconds.items():
        median = statistics.median(times)
        size = f"{len(bodies[name]) / 1e6:.1f}"
        table.add_row(name, size, f"{chosen.count / median:,.0f}", f"{base / median:.2f}")
    Console().print(f"{chosen.count:,} requests, median of {chosen.rounds} rounds", table)


if __name__ == "__main__":
    main()
