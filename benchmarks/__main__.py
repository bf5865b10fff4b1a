"""The figures of docs/performance.md: `make bench`.

Everything is measured in one run, contestant by contestant in turn; ratios are of medians. Only
ratios mean anything on another machine.
"""

import argparse
import gzip
import json
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.contestants import Figures
from benchmarks.full_hours import full_hour
from benchmarks.generate import START, Request, request, requests, standard_text
from pipeline.hour import codec

ROWS, SMALL_OBJECTS, SMALL_LINES = 1_000_000, 1000, 50
HOUR = START + 1800
"""Log objects of one hour: CloudFront delivers them so."""


@dataclass
class Bench:
    """The measurements so far, by what was measured."""

    rounds: int
    before: Path
    found: dict[str, list[Figures]] = field(default_factory=dict)

    def measure(self, label: str, contestant: str, path: Path, rounds: int | None = None) -> None:
        """Run a contestant in processes of its own."""
        for _ in range(rounds or self.rounds):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.contestants", contestant, self.before, path],
                stdout=subprocess.PIPE,
                check=True,
            )
            self.found.setdefault(label, []).append(Figures(**json.loads(done.stdout)))
            print(".", end="", flush=True, file=sys.stderr)

    def seconds(self, label: str) -> float:
        """The median of the wall clock."""
        return statistics.median(each.seconds for each in self.found[label])

    def rate(self, label: str) -> float:
        """Rows a second."""
        return self.found[label][0].rows / self.seconds(label)

    def work(self, label: str) -> float:
        """The median of the processor time, which other work on the machine hardly changes."""
        return statistics.median(each.cpu_seconds for each in self.found[label])

    def over(self, label: str, other: str) -> float:
        """How many times as many rows one reads by processor time as the other."""
        rows = self.found[label][0].rows / self.found[other][0].rows
        return rows * self.work(other) / self.work(label)

    def peak(self, label: str) -> float:
        """The most memory of any round, in MB."""
        return max(each.peak_mb for each in self.found[label])


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="the figures of docs/performance.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=ROWS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("generating ", end="", flush=True, file=sys.stderr)
        files = _files(folder, chosen.rows)
        bench = Bench(chosen.rounds, files["before"])
        print("measuring ", end="", flush=True, file=sys.stderr)
        for _ in range(chosen.rounds):  # in turn, so that a slow minute hits everyone
            for label in ("inflating", "edgetally", "edgetally-arrow", "edgetally-threads"):
                bench.measure(label, label, files["log"], 1)
            for label in ("duckdb", "tight-loop"):
                bench.measure(label, label, files["log"], 1)
            bench.measure("small", "edgetally-small", files["small"], 1)
            bench.measure("small-tight", "tight-loop-small", files["small"], 1)
            bench.measure("merging", "merging", files["hours"], 1)
        bench.measure("four", "edgetally", files["four"], 1)
        bench.measure("distinct", "edgetally", files["distinct"], 1)
        bench.measure("plain-collector", "plain-collector", files["log"], 1)
        if shutil.which("goaccess"):
            bench.measure("goaccess", "goaccess", files["text"], 1)
        else:
            print("\nGoAccess is missing: apt-get install goaccess", file=sys.stderr)
        print(file=sys.stderr)
        print(_report(bench, chosen.rows))


def _files(folder: Path, rows: int) -> dict[str, Path]:
    text = standard_text(requests(1, rows, start=HOUR))
    body = gzip.compress(text, 6, mtime=0)
    small = folder / "small"
    small.mkdir()
    few = list(requests(2, SMALL_OBJECTS * SMALL_LINES, start=HOUR))
    for number in range(SMALL_OBJECTS):
        part = few[number * SMALL_LINES : (number + 1) * SMALL_LINES]
        (small / f"{number:04d}.gz").write_bytes(gzip.compress(standard_text(part), 6, mtime=0))
    hours = [codec.encode(full_hour(seed)) for seed in range(60)]
    contents = {
        "log": body,
        "text": text,
        "before": gzip.compress(standard_text(requests(7, rows // 5, start=HOUR)), 6, mtime=0),
        "four": body * 4,
        "distinct": gzip.compress(standard_text(_distinct(rows)), 6, mtime=0),
        "hours": msgspec.msgpack.encode(hours),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in (*contents, "small")}


def _distinct(rows: int) -> Iterable[Request]:
    rng = random.Random(3)  # noqa: S311 - repeatable, not secret
    for _ in range(rows):
        yield request(rng, f"/{rng.randbytes(12).hex()}", "curl/8.5.0", HOUR + rng.randrange(3600))


def _report(bench: Bench, rows: int) -> str:
    lines = [
        f"{rows:,} lines, one process each, median of {bench.rounds} rounds; "
        f"{_machine()}, Python {platform.python_version()}",
        "",
        "| what | rows/s | wall s | CPU s | peak MB |",
        "|---|---|---|---|---|",
    ]
    names = {
        "inflating": "inflating only (isal)",
        "edgetally": "**edgetally**, all dimensions",
        "edgetally-arrow": "**edgetally**, without the kernel",
        "edgetally-threads": "**edgetally**, counting in a thread of its own",
        "duckdb": "DuckDB, 1 thread, 9 dimensions",
        "tight-loop": "tight Python loop, 9 dimensions",
        "plain-collector": "plain collector (whole file, a dict a row; once)",
        "goaccess": "GoAccess (the text, inflated before; once)",
        "four": "**edgetally**, 4 times the lines (once)",
        "distinct": "**edgetally**, every path distinct (once)",
    }
    for label, name in names.items():
        if label in bench.found:
            count = rows if label == "inflating" else bench.found[label][0].rows
            lines.append(
                f"| {name} | {count / bench.seconds(label):,.0f} | {bench.seconds(label):.2f} "
                f"| {bench.work(label):.2f} | {bench.peak(label):.0f} |"
            )
    lines += ["", "| figure, same run | at least | aim | measured |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(each)} |" for each in _goals(bench, rows)]
    return "\n".join(lines)


def _goals(bench: Bench, rows: int) -> list[tuple[str, str, str, str]]:
    over_inflating = rows / bench.found["distinct"][0].rows * bench.work("inflating")
    over_goaccess = (
        f"{bench.over('edgetally', 'goaccess'):.1f} ×"
        if "goaccess" in bench.found
        else "not measured"
    )
    small = bench.over("small", "small-tight")
    peaks = bench.peak("edgetally"), bench.peak("four")
    rate = rows / bench.work("edgetally")
    threads = bench.seconds("edgetally") / bench.seconds("edgetally-threads")
    return [
        ("rows per processor second", "1,000,000", "", f"{rate:,.0f}"),
        (
            "rows over inflating only",
            "0.40",
            "0.46",
            f"{bench.work('inflating') / bench.work('edgetally'):.2f}",
        ),
        (
            "the same, every path distinct",
            "0.25",
            "",
            f"{over_inflating / bench.work('distinct'):.2f}",
        ),
        (
            "rows over the same without the kernel",
            "2 ×",
            "2.7 ×",
            f"{bench.over('edgetally', 'edgetally-arrow'):.1f} ×",
        ),
        (
            "rows over the plain collector",
            "20 ×",
            "25 ×",
            f"{bench.over('edgetally', 'plain-collector'):.1f} ×",
        ),
        ("rows over GoAccess", "20 ×", "30 ×", over_goaccess),
        (
            "rows over DuckDB, which has nine dimensions",
            "2 ×",
            "",
            f"{bench.over('edgetally', 'duckdb'):.1f} ×",
        ),
        ("wall clock of a thread of its own, one file, 2 cores", "1.5 ×", "", f"{threads:.2f} ×"),
        (
            f"peak MB, {rows:,} and {4 * rows:,} lines",
            "≤ 140",
            "126",
            f"{peaks[0]:.0f} and {peaks[1]:.0f}",
        ),
        (
            "50-line objects over the tight loop's",
            "1.5 ×",
            "",
            f"{small:.2f} ×",
        ),
        (
            "encoded hour, every path distinct",
            "≤ 300 KB",
            "60 KB",
            f"{bench.found['distinct'][0].bytes / 1000:.1f} KB",
        ),
        (
            "encoded hour, ordinary traffic",
            "≤ 40 KB",
            "15 KB",
            f"{bench.found['edgetally'][0].bytes / 1000:.1f} KB",
        ),
        (
            "processor time of merging 720 full hours over ingesting the lines",
            "≤ 1",
            "0.3",
            f"{bench.work('merging') / bench.work('edgetally'):.2f}",
        ),
    ]


def _machine() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return f"{len(models)} cores of {models[0]}" if models else platform.machine()


if __name__ == "__main__":
    main()
