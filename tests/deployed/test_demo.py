"""`make demo`'s program, run to its end and interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.stack import ROOT, TOOLS
from tests.support.dynamodb_local import skip_or_fail

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def demo(tmp_path: Path) -> "subprocess.Popen[str]":
    """The demo, started, with its temporary files in the test's folder."""
    if not (TOOLS / "ministack").exists():
        skip_or_fail("SAM and the embedded AWS are missing: run `make test`, which installs them")
    return subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_behind(folder: Path) -> list[str]:
    """Files of the demo in the folder, and processes that were started from it."""
    names = [path.name for path in folder.glob("edgetally-*")]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return names + [line for line in listed.stdout.splitlines() if str(folder) in line]


def test_the_demo_is_exact_and_leaves_nothing(
    demo: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    """Every figure equals what was written; the duplicate and the truncated object are told of."""
    output, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, output
    assert "exact: 9 figures equal what the generator wrote" in output
    assert "the ledger refused 1 delivery" in output
    assert "in the dead-letter queue" in output
    assert "truncated: the gzip stream ends" in output
    assert "curl -u " in output
    assert "make demo KEEP=1" in output
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(
    demo: "subprocess.Popen[str]", tmp_path: Path, way: signal.Signals
) -> None:
    """Though it is interrupted while SAM's builders write."""
    time.sleep(6)
    demo.send_signal(way)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, output
    assert left_behind(tmp_path) == []
