"""Memory is bounded, whatever the object's size."""

import gzip
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.support.traffic import realtime_lines

ROOT = Path(__file__).parents[3]
LINES, DISTINCT = 2_000_000, 100_000
MEGABYTES = 300

# On Linux ru_maxrss starts with what the parent had when it forked; VmHWM is the process's own.
_PROGRAM = """
import re, resource, sys
from pathlib import Path
from pipeline.cli.app import main
status = main(sys.argv[1:])
proc = Path("/proc/self/status")
if proc.exists():
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", proc.read_text())[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes, on macOS
sys.exit(status)
"""


def ingested(path: Path) -> tuple[dict[str, int], int]:
    """The figures of ingesting a file in a process of its own, and its peak memory in bytes."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _PROGRAM,
            "ingest",
            str(path),
            "--store",
            "sqlite:///s.db",
            "--json",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    figures, peak = done.stdout.splitlines()
    return json.loads(figures), int(peak)


@pytest.mark.slow
def test_two_million_lines_fit_in_300_megabytes(tmp_path: Path) -> None:
    """One object of 2,000,000 lines, inflated well over 700 MB."""
    member = gzip.compress(text := realtime_lines(seed=4, count=DISTINCT), 1)
    big = tmp_path / "big.gz"
    big.write_bytes(member * (LINES // DISTINCT))
    assert len(text) * LINES // DISTINCT > 700_000_000
    figures, peak = ingested(big)
    assert figures["records"] == LINES
    assert peak < MEGABYTES * 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("begin", [b"", b"#Fields: date time\n2026-11-22\t10:00:00\n"])
def test_a_gibibyte_without_a_line_end_fits_too(tmp_path: Path, begin: bytes) -> None:
    """A bomb of zeros is refused, or its one line rejected, within the same memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(16 << 20)
    packed = [packer.compress(begin), *(packer.compress(zeros) for _ in range(64)), packer.flush()]
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(b"".join(packed))
    figures, peak = ingested(bomb)
    assert (figures["failed"], figures["records"]) == (1, 0)
    assert peak < MEGABYTES * 1_000_000
