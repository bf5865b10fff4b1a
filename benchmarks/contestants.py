"""What `make bench` compares: each in a process of its own, which prints its figures as JSON.

python -m benchmarks.contestants NAME OTHER-LOG FILE…
"""

import gzip
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Figures:
    """What was counted, in how many seconds of wall clock and processor, with how much memory.
    `bytes` is the size of the encoded hour, where there is one."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    bytes: int = 0


def inflating(path: Path) -> int:
    """Only inflate (isal): the bytes of the text."""
    from isal import igzip_lib

    decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    size = 0
    for chunk in _chunks(path):
        size += len(decompressor.decompress(chunk, _CHUNK))
        while not decompressor.eof and not decompressor.needs_input:
            size += len(decompressor.decompress(b"", _CHUNK))
    return size


def edgetally(path: Path, workers: int = 1, *, native: bool = True) -> tuple[int, int]:
    """Inflate, parse, tally all dimensions, encode: rows, and bytes of the largest hour."""
    from pipeline.hour import codec
    from pipeline.ingest.parse import parse
    from pipeline.ingest.parsed import Reading
    from pipeline.tally.native.library import is_native

    reading = Reading(workers=workers, native=native and is_native("native"))
    parsed = parse(_chunks(path), MODIFIED, reading)
    return parsed.records, max(len(codec.encode(hour)) for hour in parsed.hours.values())


def edgetally_small(folder: Path) -> int:
    """Every object of a folder, in batches as they are committed, into one aggregate: rows."""
    from pipeline.cli.ingesting import BATCH
    from pipeline.hour.aggregate import EMPTY, merge
    from pipeline.ingest.parsed import Reading
    from pipeline.ingest.reader import Reader
    from pipeline.source.files import FileSource, file_ref

    reader = Reader(FileSource(), Reading())
    refs = [file_ref(path) for path in sorted(folder.iterdir())]
    total = EMPTY
    for start in range(0, len(refs), BATCH):
        for group in reader.groups(refs[start : start + BATCH]):
            rows = group.batch.delta.rows
            total = merge([total, *(row for key, row in rows.items() if key.period == "hour")])
    return total.totals.requests


def warm_up(path: Path) -> None:
    """Read another log, encode and decode its hour: what is loaded, allocated or remembered once
    in the life of a process is not what is measured."""
    from pipeline.hour import codec
    from pipeline.ingest.parse import parse
    from pipeline.ingest.parsed import Reading

    for hour in parse(_chunks(path), MODIFIED, Reading()).hours.values():
        codec.decode(codec.encode(hour))


def plain_collector(path: Path) -> int:
    """As such collectors are usually written: the whole file, a dict a row, then Counters."""
    rows = []
    names: list[str] = []
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
        if line.startswith("#Fields:"):
            names = line.split()[1:]
        elif line and not line.startswith("#"):
            rows.append(dict(zip(names, line.split("\t"), strict=False)))
    counts = {
        name: Counter(row[name] for row in rows)
        for name in (
            "sc-status",
            "cs-method",
            "cs-uri-stem",
            "x-edge-location",
            "x-edge-result-type",
            "cs-protocol",
            "cs(User-Agent)",
            "cs(Referer)",
            "x-host-header",
        )
    }
    sent = sum(int(row["sc-bytes"]) for row in rows)
    times = sorted(float(row["time-taken"]) for row in rows)
    return len(rows) if counts and sent and times else 0


def tight_loop(paths: Sequence[Path]) -> int:
    """Line by line with as little as possible: nine Counters, a sum, bytes and hits by path."""
    counters: list[Counter[str]] = [Counter() for _ in range(9)]
    columns = (2, 5, 7, 8, 9, 10, 13, 15, 16)
    path_bytes: defaultdict[str, int] = defaultdict(int)
    path_hits: defaultdict[str, int] = defaultdict(int)
    rows = sent = 0
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if line[0] == "#":
                    continue
                values = line.split("\t")
                size = int(values[3])
                sent += size
                rows += 1
                for counter, column in zip(counters, columns, strict=True):
                    counter[values[column]] += 1
                path_bytes[values[7]] += size
                if values[13] == "Hit":
                    path_hits[values[7]] += 1
    return rows


def duckdb(path: Path) -> int:
    """DuckDB, one thread: nine dimensions, bytes and hits by path."""
    import duckdb as engine

    from pipeline.schema.fields import STANDARD

    columns = dict.fromkeys(STANDARD.split()[:33], "VARCHAR")
    connection = engine.connect()
    connection.execute("SET threads = 1")
    connection.execute(
        "CREATE TABLE log AS SELECT * FROM read_csv(?, delim = '\t', header = false, skip = 2, "
        "quote = '', escape = '', columns = ?, compression = 'gzip')",
        [str(path), columns],
    )
    for name in (
        "sc-status",
        "cs-method",
        "x-edge-location",
        "x-edge-result-type",
        "cs-protocol",
        "cs(User-Agent)",
        "cs(Referer)",
        "x-host-header",
    ):
        connection.execute(f'SELECT "{name}", count(*) FROM log GROUP BY 1').fetchall()  # noqa: S608
    connection.execute(
        'SELECT "cs-uri-stem", count(*), sum("sc-bytes"::BIGINT), '
        "count(*) FILTER (\"x-edge-result-type\" = 'Hit') FROM log GROUP BY 1"
    ).fetchall()
    return int(connection.execute("SELECT count(*) FROM log").fetchall()[0][0])


def goaccess(path: Path) -> int:
    """GoAccess on the same log, inflated beforehand (it is not timed): rows it took for valid."""
    done = subprocess.run(
        [
            "goaccess",
            str(path),
            "--log-format=CLOUDFRONT",
            "--no-global-config",
            "--no-progress",
            "-o",
            "json",
        ],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return int(json.loads(done.stdout)["general"]["valid_requests"])


def report(path: Path) -> tuple[int, int]:
    """`edgetally report` as a process of its own: lines counted, and bytes of the file."""
    made = path.with_name("report.html")
    command = [sys.executable, "-m", "pipeline", "report", str(path), "-o", str(made)]
    subprocess.run(command, capture_output=True, check=True)
    return _read_off(made, r"<b>([0-9,]+)</b><span class=\"m s\">counted")


def goaccess_report(path: Path) -> tuple[int, int]:
    """GoAccess's report of a log that was inflated beforehand: lines counted, and bytes."""
    made = path.with_name("goaccess.html")
    options = ["--log-format=CLOUDFRONT", "--no-global-config", "--no-progress", "-o", str(made)]
    subprocess.run(
        ["goaccess", str(path), *options], capture_output=True, check=True, stdin=subprocess.DEVNULL
    )
    return _read_off(made, r'"valid_requests":\s*([0-9]+)')


def _read_off(report: Path, pattern: str) -> tuple[int, int]:
    """The lines that a report says it counted, and its bytes."""
    found = re.search(pattern, report.read_text("utf-8"))
    if found is None:
        raise SystemExit(f"{report} does not say how many lines it counted")
    return int(found[1].replace(",", "")), report.stat().st_size


def merging(path: Path) -> int:
    """Decode and merge the rows of a file (one after the other, as `merge_input` writes them)."""
    import msgspec

    from pipeline.answer.rows import READING_HEADROOM
    from pipeline.hour import codec
    from pipeline.hour.aggregate import merge
    from pipeline.schema.dimensions import DEFAULT_CAPS

    rows = msgspec.msgpack.decode(path.read_bytes(), type=list[bytes])
    merge((codec.decode(rows[n % len(rows)]) for n in range(720)), DEFAULT_CAPS, READING_HEADROOM)
    return 720


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


CONTESTANTS: dict[str, Callable[[list[Path]], int | tuple[int, int]]] = {
    "inflating": lambda paths: inflating(paths[0]),
    "edgetally": lambda paths: edgetally(paths[0]),
    "edgetally-arrow": lambda paths: edgetally(paths[0], native=False),
    "edgetally-threads": lambda paths: edgetally(paths[0], workers=2),
    "edgetally-small": lambda paths: edgetally_small(paths[0]),
    "plain-collector": lambda paths: plain_collector(paths[0]),
    "tight-loop": lambda paths: tight_loop(paths),
    "tight-loop-small": lambda paths: tight_loop(sorted(paths[0].iterdir())),
    "duckdb": lambda paths: duckdb(paths[0]),
    "goaccess": lambda paths: goaccess(paths[0]),
    "goaccess-report": lambda paths: goaccess_report(paths[0]),
    "report": lambda paths: report(paths[0]),
    "merging": lambda paths: merging(paths[0]),
}


def peak_mb() -> float:
    """The most memory that this process and its largest child have had, in MB."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    status = Path("/proc/self/status")
    if not status.exists():  # macOS, in bytes
        return max(children / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1e6
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return max(children, int(found[1]) * 1024 if found else 0) / 1e6


def main() -> None:
    """Run one contestant and print its figures."""
    name, before, *paths = sys.argv[1:]
    if name.startswith(("edgetally", "merging")):
        warm_up(Path(before))
    wall, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    found = CONTESTANTS[name]([Path(each) for each in paths])
    seconds, now = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (now.ru_utime + now.ru_stime) - (used.ru_utime + used.ru_stime)
    rows, size = found if isinstance(found, tuple) else (found, 0)
    figures = Figures(
        rows, seconds, cpu + children.ru_utime + children.ru_stime, round(peak_mb(), 1), size
    )
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main()
