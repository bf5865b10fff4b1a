"""The commands as a user runs them, on real files."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.request import urlopen

import boto3
import pytest
from moto import mock_aws

from pipeline.cli import app, summary_commands
from pipeline.cli.words import decoded, human_bytes, safe
from pipeline.ingest.parse import REMEDIES
from pipeline.tally.native.library import is_built

ROOT = Path(__file__).parents[3]
HEADER = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes cs-method cs-uri-stem sc-status "
    "x-edge-result-type\n"
)


def log(*rows: str) -> bytes:
    return gzip.compress((HEADER + "".join(f"{row}\n" for row in rows)).encode())


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder of three objects of two sites, and one that is damaged."""
    folder = tmp_path / "logs"
    (folder / "deep" / ".hidden").mkdir(parents=True)
    (folder / "deep" / ".hidden" / "no.gz").write_bytes(b"not looked at")
    (folder / "E1.2026-11-22-10.aaaaaaaa.gz").write_bytes(
        log(
            "2026-11-22\t10:00:00\tLHR62-C3\t100\tGET\t/a\t200\tHit",
            "2026-11-22\t10:59:59\tLHR62-C3\t50\tGET\t/b\t404\tMiss",
        )
    )
    (folder / "deep" / "E1.2026-11-22-11.bbbbbbbb.gz").write_bytes(
        log("2026-11-22\t11:00:00\tFRA56-P4\t7\tHEAD\t/a\t000\tError", "rubbish")
    )
    (folder / "other.log").write_bytes(
        log("2026-11-23\t00:00:00\tFRA56-P4\t9\tGET\t/c\t-\tRefreshHit")
    )
    (folder / "cut.gz").write_bytes(log("2026-11-22\t10:00:00\t-\t1\tGET\t/\t200\tHit")[:-4])
    return folder


class Done(NamedTuple):
    """What a command left: its exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Done:
    with (
        patch.dict(os.environ, {"COLUMNS": "200", **(env or {})}),
        redirect_stdout(StringIO()) as printed,
        redirect_stderr(StringIO()) as complained,
    ):
        code = app.main(arguments)
    return Done(code, printed.getvalue(), complained.getvalue())


def summary(*arguments: str) -> Any:
    done = run("summary", "--store", "sqlite:///t.db", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ingest_and_summary(logs: Path) -> None:
    """A folder in, the exact summary out; a damaged object is named and costs nothing else."""
    done = run("ingest", str(logs), "--store", "sqlite:///t.db", "--json")
    assert done.returncode == 1
    reason = "truncated: the gzip stream ends inside member 1"
    assert json.loads(done.stdout) == {
        "objects": 4,
        "committed": 3,
        "duplicates": 0,
        "expired": 0,
        "failed": 1,
        "records": 4,
        "rejected": 1,
        "problems": [{"name": str(logs / "cut.gz"), "state": "failed", "reason": reason}],
    }
    assert done.stderr.splitlines() == [
        f"{logs / 'cut.gz'}: {reason}",
        f"passed over, hidden folder: {logs / 'deep' / '.hidden'}",
    ]

    found = summary()
    kept = {
        "total_records": 4,
        "log_files_read": 3,
        "time_range": "2026-11-22T10:00:00Z/2026-11-23T00:00:00Z",
        "status_breakdown": {"0xx": 1, "2xx": 1, "4xx": 1, "unknown": 1},
        "edge_locations": ["FRA56-P4", "LHR62-C3"],
        "cache_hit_rate": 25.0,
        "top_paths": [
            {"path": "/a", "count": 2},
            {"path": "/b", "count": 1},
            {"path": "/c", "count": 1},
        ],
        "bytes_sent": 166,
        "status_codes": {"000": 1, "200": 1, "404": 1, "unknown": 1},
        "result_types": {"Error": 1, "Hit": 1, "Miss": 1, "RefreshHit": 1},
        "methods": {"GET": 3, "HEAD": 1},
        "rejected_lines": {"total": 1, "by_reason": {"too_few_fields": 1}},
        "approximate": {},
        "sampling": {},
    }
    assert {key: found[key] for key in kept} == kept
    window = summary("--from", "2026-11-22T10:00Z", "--to", "2026-11-22T11:00Z")
    assert (window["total_records"], window["log_files_read"]) == (2, 1)
    assert summary("--site", "E1")["total_records"] == 3
    assert summary("--site", "default", "--site", "E1")["total_records"] == 4
    assert run("summary", "--store", "sqlite:///t.db", "--site", "nosuch").returncode == 2
    assert summary("--hours", "1")["time_range"] == ""


def test_the_module_is_the_program(logs: Path) -> None:
    """`python -m pipeline` runs a command in a process of its own and exits with its code."""
    command = [sys.executable, "-m", "pipeline", "inspect", str(logs / "cut.gz"), "--json"]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "truncated" in json.loads(done.stdout)[0]["refused"]


def test_ingesting_again_commits_nothing(logs: Path) -> None:
    """Nor does naming a file twice; a copy elsewhere is another object."""
    (logs / "cut.gz").unlink()
    store = {"EDGETALLY_STORE": "sqlite:///t.db"}
    first = run("ingest", str(logs), f"{logs}/*.log", "--json", env=store)
    assert first.returncode == 0
    assert json.loads(first.stdout)["committed"] == 3
    again = run("ingest", f"{logs}/**/*.gz", str(logs / "other.log"), "--json", env=store)
    assert again.returncode == 0
    figures = json.loads(again.stdout)
    assert (figures["objects"], figures["committed"], figures["duplicates"]) == (3, 0, 3)
    copy = logs / "copy.log"
    copy.write_bytes((logs / "other.log").read_bytes())
    assert json.loads(run("ingest", str(copy), "--json", env=store).stdout)["committed"] == 1


def test_a_file_that_grew_is_reported_and_not_counted_twice(logs: Path) -> None:
    """The same path with other content is a conflict: the first count stays."""
    target = logs / "other.log"
    assert run("ingest", str(target), "--store", "sqlite:///t.db").returncode == 0
    target.write_bytes(target.read_bytes() + log("2026-11-23\t01:00:00\t-\t9\tGET\t/\t200\tHit"))
    done = run("ingest", str(target), "--store", "sqlite:///t.db", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == 1
    assert "was counted before with other content" in done.stderr
    assert summary()["total_records"] == 1


def test_for_people_there_are_tables(logs: Path) -> None:
    """The same figures, to look at; what was not counted is said."""
    ingested = run("ingest", str(logs), "--store", "sqlite:///t.db")
    assert (
        "4 objects, 3 committed, 0 duplicates, 1 failed, 4 records, 1 rejected" in ingested.stdout
    )
    shown = run("summary", "--store", "sqlite:///t.db").stdout
    for part in ("requests", "25.00 %", "/a", "FRA56-P4, LHR62-C3", "1 too_few_fields", "166 B"):
        assert part in shown
    empty = run("summary", "--store", "sqlite:///t.db", "--hours", "1").stderr
    assert "No requests in this window" in empty


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["summary"], 2, "EDGETALLY_STORE: is not set"),
        (["summary", "--store", "postgres://x"], 2, "is no store; use sqlite:///"),
        (["summary", "--store", "sqlite://x.db"], 2, "names no file"),
        (
            ["ingest", __file__, "--store", "sqlite:///no/such/folder/x.db"],
            1,
            "there is no folder no/such/folder; make it",
        ),
        (["serve", "--store", "sqlite:///x.db"], 2, "x.db does not exist"),
        (["summary", "--store", "dynamodb://"], 2, "names no table"),
        (["summary", "--store", "memory://", "--hours", "x"], 2, "valid integer"),
        (["summary", "--store", "memory://", "--from", "x"], 2, "--from: 'x' is no date"),
        (
            ["ingest", "nothing/*.gz", "--store", "memory://"],
            2,
            "'nothing/*.gz' matches no file in",
        ),
        (["ingest", "nothing", "--store", "memory://"], 2, "'nothing' does not exist in"),
        (["ingest", "empty", "--store", "memory://"], 2, "'empty' is a folder without any file"),
        (["ingest", "logs", "--store", "nowhere"], 2, "--store: 'nowhere' is no store"),
        (["ingest", "logs", "--store=nowhere"], 2, "--store: 'nowhere' is no store"),
        (["summary", "--store", "sqlite:///empty.db"], 2, "empty.db is an empty file"),
        (["ingest", "--store", "memory://"], 2, "Missing argument"),
        (["unknown"], 2, "No such command"),
    ],
)
def test_mistakes_are_named(arguments: list[str], code: int, said: str) -> None:
    """With an exit code, the name of the option as it was typed, and no trace."""
    for folder in ("logs", "empty"):
        Path(folder).mkdir()
    Path("logs/log").write_bytes(log("2026-11-22\t10:00:00\t-\t1\tGET\t/\t200\tHit"))
    Path("empty.db").touch()
    done = run(*arguments)
    assert done.returncode == code
    assert said in re.sub(r"\s+", " ", done.stderr)
    assert "Traceback" not in done.stderr


def test_inspect_shows_what_objects_are(logs: Path) -> None:
    """Container, layout, site, hours, and the first rejected line; nothing is written."""
    before = sorted(Path().rglob("*"))
    done = run("inspect", str(logs), "--json")
    assert done.returncode == 1
    by_name = {Path(each["name"]).name: each for each in json.loads(done.stdout)}
    assert by_name["cut.gz"]["refused"].startswith("truncated")
    assert by_name["E1.2026-11-22-10.aaaaaaaa.gz"] == {
        "name": str(logs / "E1.2026-11-22-10.aaaaaaaa.gz"),
        "refused": "",
        "container": "gzip",
        "format": "lines with a header",
        "engine": "native" if is_built() else "arrow",
        "layout": "its #Fields header",
        "fields": HEADER.split()[3:],
        "sites": ["E1"],
        "hours": ["2026-11-22T10:00:00Z"],
        "rows": 2,
        "records": 2,
        "rejected": [],
    }
    (rejected,) = by_name["E1.2026-11-22-11.bbbbbbbb.gz"]["rejected"]
    assert rejected == {
        "reason": "too_few_fields",
        "count": 1,
        "line": 4,
        "detail": REMEDIES["too_few_fields"],
    }
    (logs / "cut.gz").unlink()
    shown = run("inspect", str(logs))
    assert shown.returncode == 0
    for part in (
        "its #Fields header (8 fields)",
        "too_few_fields",
        "fewer fields than",
        "2 records",
    ):
        assert part in shown.stdout
    assert "rubbish" not in done.stdout + shown.stdout
    assert sorted(Path().rglob("*")) == [path for path in before if path.name != "cut.gz"]


def test_sampled_logs_are_scaled_when_read(logs: Path) -> None:
    """Under a prefix with a rate, figures are estimates, and the summary says so."""
    env = {"EDGETALLY_SAMPLING": f"{logs}/deep=25", "EDGETALLY_STORE": "sqlite:///t.db"}
    (logs / "cut.gz").unlink()
    assert run("ingest", str(logs), env=env).returncode == 0
    one = json.loads(run("summary", "--json", "--site", "E1", env=env).stdout)
    assert (one["total_records"], one["bytes_sent"]) == (2 + 4, 150 + 28)
    assert one["status_codes"] == {"000": 4, "200": 1, "404": 1}
    assert one["sampling"] == {"E1": 25}
    assert one["log_files_read"] == 2
    everything = json.loads(run("summary", "--json", env=env).stdout)
    assert everything["total_records"] == 7
    shown = run("summary", env=env).stdout
    assert "E1: estimated, its logs hold 25 % of the requests" in shown
    wrong = run("summary", env=env | {"EDGETALLY_SAMPLING": "x=0"})
    assert wrong.returncode == 2
    assert "EDGETALLY_SAMPLING" in wrong.stderr


def test_a_file_that_is_no_store_is_named() -> None:
    """A file of something else is not overwritten."""
    Path("notes.txt").write_text("these are notes, and not a database of any kind " * 100)
    done = run("summary", "--store", "sqlite:///notes.txt")
    assert done.returncode == 1
    assert "notes.txt: file is not a database" in done.stderr
    assert Path("notes.txt").read_text().startswith("these are notes")


def test_a_bug_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, and what to report."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(summary_commands, "summary_of", broken)
    assert app.main(["summary", "--store", "memory://"]) == 4
    assert "please report it" in capsys.readouterr().err


def test_help_has_an_example_for_every_command() -> None:
    """And says what a copy at another path is."""
    for command in ("ingest", "inspect", "summary", "serve"):
        assert f"Example: edgetally {command}" in run(command, "--help").stdout
    assert "A copy of a file under another path is another object" in re.sub(
        r"\s+", " ", run("ingest", "--help").stdout
    )


def test_serve_serves_until_it_is_interrupted(logs: Path) -> None:
    """The snapshot route answers; Ctrl-C ends it with 130."""
    assert run("ingest", str(logs / "other.log"), "--store", "sqlite:///t.db").returncode == 0
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "serve", "--store", "sqlite:///t.db", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urlopen(url, timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_a_bucket_is_ingested_by_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a prefix, the configured one; with a slash, all of it."""
    body = log("2026-11-22\t10:00:00\t-\t1\tGET\t/\t200\tHit")
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-west-2")
        s3.create_bucket(
            Bucket="some-logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
        )
        for key in ("cloudfront-realtime/a b+c.gz", "AWSLogs/b.gz", "AWSLogs/"):
            s3.put_object(Bucket="some-logs", Key=key, Body=body if key[-1] != "/" else b"")
        for source, committed in (
            ("s3://some-logs", 1),
            ("s3://some-logs/AWSLogs/", 1),
            ("s3://some-logs/", 0),
        ):
            assert app.main(["ingest", source, "--store", "sqlite:///b.db", "--json"]) == 0
            assert json.loads(capsys.readouterr().out)["committed"] == committed


def test_paths_are_decoded_for_people_once() -> None:
    """What is left encoded was so on the wire; what cannot be printed is escaped."""
    assert decoded("/caf%C3%A9/a%2520b/%0D%1B[31m") == "/café/a%20b/\\r\\x1b[31m"


def test_hostile_text_cannot_command_a_terminal() -> None:
    """What cannot be printed is escaped."""
    assert safe("/a\x1b[31m\x07\u202e/é") == "/a\\x1b[31m\\x07\\u202e/é"


def test_bytes_have_units() -> None:
    """Powers of a thousand."""
    assert [human_bytes(n) for n in (0, 999, 1500, 10**6, 3 * 10**15)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "1.0 MB",
        "3.0 PB",
    ]


def test_a_store_among_the_logs_is_no_log(logs: Path) -> None:
    """`edgetally ingest .` with the store in the same folder takes the others."""
    (logs / "cut.gz").unlink()
    for expected in (3, 0):
        done = run("ingest", str(logs), "--json", "--store", f"sqlite:///{logs / 'store.db'}")
        figures = json.loads(done.stdout)
        assert (done.returncode, figures["objects"], figures["committed"]) == (0, 3, expected)


@pytest.mark.parametrize("command", ["summary", "objects", "audit"])
def test_a_store_that_is_not_there_is_said_to_be_so(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instead of an answer from an empty one that is made on the spot."""
    assert app.main([command, "--store", "sqlite:///nowhere.db"]) == 2
    assert "nowhere.db does not exist" in capsys.readouterr().err
    assert not Path("nowhere.db").exists()


def test_a_command_loads_no_aws_library_until_it_needs_one() -> None:
    """A laptop run does without boto3, which takes as long to load as a small folder to count."""
    code = "import sys, pipeline.cli.app; print('botocore' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
