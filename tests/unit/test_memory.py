"""Memory is bounded, whatever the object's size."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

from tests.support.traffic import realtime_lines

ROOT = Path(__file__).parent.parent.parent
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


def test_two_million_lines_fit_in_300_megabytes(tmp_path: Path) -> None:
    """One object of 2,000,000 lines, inflated well over 700 MB, in a process of its own."""
    member = gzip.compress(text := realtime_lines(seed=4, count=DISTINCT), 1)
    big = tmp_path / "big.gz"
    big.write_bytes(member * (LINES // DISTINCT))
    assert len(text) * LINES // DISTINCT > 700_000_000
    store = f"sqlite:///{tmp_path / 's.db'}"
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "ingest", str(big), "--store", store, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures, peak = done.stdout.splitlines()
    assert json.loads(figures)["records"] == LINES
    assert int(peak) < MEGABYTES * 1_000_000
