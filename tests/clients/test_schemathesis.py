"""Requests that are made from the OpenAPI document, fitting it and not."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Served

HERE = Path(__file__).parent

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("sites", ["any", "known"])
def test_nothing_breaks_the_api_or_its_document(
    sites: str, served: Served, programs: Path, tmp_path: Path
) -> None:
    """All checks on, no failure: statuses, media types, headers, bodies, methods, credentials. With
    whatever sites come, and with one that there is, so that answers are seen too."""
    config = (HERE / "schemathesis.toml").read_text()
    if sites == "known":
        config = 'parameters = { "query.site" = ["E2EXAMPLE"] }\n' + config
    file = tmp_path / "schemathesis.toml"
    file.write_text(config)
    done = subprocess.run(
        [
            *(programs / "schemathesis", "--config-file", file, "run"),
            f"{served.url}/metrics/openapi.json",
            *("--url", served.url, "--header", f"Authorization: Bearer {served.token}"),
            *("--max-examples", "40", "--generation-deterministic", "--no-color"),
        ],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert counts is not None, done.stdout
    assert int(counts[1]) == int(counts[2]) > 500
