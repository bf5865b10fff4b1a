"""A client that a generator makes of the OpenAPI document."""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.clients.conftest import Served

HERE = Path(__file__).parent


def fetch(served: Served, path: str) -> bytes:
    """What a route answers."""
    request = Request(served.url + path, headers={"Authorization": f"Bearer {served.token}"})
    with urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def test_a_generated_client_fetches_every_route(
    served: Served, programs: Path, tmp_path: Path
) -> None:
    """It understands what it is given: the parsed answers have all that was sent, and a refusal
    comes as a problem."""
    document, client = tmp_path / "openapi.json", tmp_path / "client"
    document.write_bytes(fetch(served, "/metrics/openapi.json"))
    config = tmp_path / "config.yml"
    config.write_text("package_name_override: edgetally_client\npost_hooks: []\n")
    subprocess.run(
        [
            *(programs / "openapi-python-client", "generate", "--path", document),
            *("--output-path", client, "--config", config, "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    done = subprocess.run(
        [
            *(programs / "python", HERE / "use_client.py"),
            *(client, document, served.url, served.token),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    refused = answers.pop("refused")[1]
    assert (refused["status"], refused["param"]) == (400, "cursor")
    paths = json.loads(document.read_text())["paths"]
    assert sorted(answers) == sorted(path["get"]["operationId"] for path in paths.values())
    for path, operation in paths.items():
        status, made = answers[operation["get"]["operationId"]]
        assert status == 200
        if path == "/metrics/docs":
            assert made.startswith("<!doctype html>")
            continue
        sent = json.loads(fetch(served, path.replace("{dimension}", "path")))
        assert same(made) == same(sent), path


def same(answer: Any) -> Any:
    """An answer without what differs from one request to the next."""
    if isinstance(answer, dict):
        passing = {"cached", "generated_at", "age_seconds", "value", "detail"}
        # The client leaves out what is null by default, and writes moments its own way.
        return {
            name: same(value)
            for name, value in answer.items()
            if name not in passing and value is not None
        }
    if isinstance(answer, list):
        return [same(each) for each in answer]
    return answer.replace("+00:00", "Z") if isinstance(answer, str) else answer
