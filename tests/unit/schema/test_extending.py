"""CONTRIBUTING.md's way to add a dimension, done to the letter on a copy of the source."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.generate import FORMATS
from tests.support.samples import DATA, REQUESTS

ROOT = Path(__file__).parents[3]


def code(page: str) -> list[str]:
    """The Python of a page's blocks."""
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def inserted(path: Path, after: str, line: str) -> None:
    """Put a line behind the first line that ends with `after`."""
    text = path.read_text()
    assert after in text
    path.write_text(text.replace(after, after + line, 1))


def run(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
def test_a_dimension_is_one_line(tmp_path: Path) -> None:
    """The page's lines put where it says: the summary lists the new dimension, in all formats; and
    hours that were stored before say how much they do not know."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        shutil.copytree(ROOT / "pipeline", folder / "pipeline")
    line, name, spelling = code((ROOT / "CONTRIBUTING.md").read_text())
    schema = new / "pipeline" / "schema"
    inserted(
        schema / "dimensions.py", 'Dimension("crawler", "crawlers", USER_AGENT, crawler),\n', line
    )
    inserted(schema / "dimensions.py", "    TLS_VERSION,\n", "    TLS_CIPHER,\n")
    inserted(
        schema / "fields.py", 'CLIENT_IP = "cs_protocol_version", "ssl_protocol", "c_ip"\n', name
    )
    inserted(schema / "fields.py", '    TLS_VERSION: _spelled("ssl-protocol"),\n', spelling)

    (new / "logs").mkdir()
    for kind in FORMATS:
        (new / "logs" / kind).write_bytes(FORMATS[kind](REQUESTS))
    run(new, "ingest", "logs", "--store", "sqlite:///new.db")
    found = json.loads(run(new, "summary", "--store", "sqlite:///new.db", "--json"))
    (cipher,) = found["tls_ciphers"]
    assert cipher["value"] == "TLS_AES_128_GCM_SHA256"
    assert cipher["requests"] == found["total_records"] == len(REQUESTS) * len(FORMATS)
    assert found["approximate"] == {}
    report = run(new, "report", "logs", "--format", "md")
    assert "## Values of tls cipher, ranked by requests" in report
    assert "TLS\\_AES\\_128\\_GCM\\_SHA256" in report

    run(old, "ingest", str(DATA / "v1-33-fields.gz"), "--store", f"sqlite:///{new / 'mixed.db'}")
    run(new, "ingest", "logs/v2-json", "--store", "sqlite:///mixed.db")
    mixed = json.loads(run(new, "summary", "--store", "sqlite:///mixed.db", "--json"))
    assert [(each["value"], each["requests"]) for each in mixed["tls_ciphers"]] == [
        ("TLS_AES_128_GCM_SHA256", len(REQUESTS)),
        ("(other)", len(REQUESTS)),
    ]
    assert mixed["approximate"] == {"tls_cipher": len(REQUESTS)}
