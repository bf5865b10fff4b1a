"""The first minutes with the command line: what a newcomer types, and what comes back."""

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from pipeline.__main__ import main as program
from pipeline.cli.app import GROUPS, command, main
from pipeline.cli.ingesting import BATCH
from pipeline.cli.words import share_of
from pipeline.ingest.ingest import Ingest
from pipeline.remedies import next_step

ROOT = Path(__file__).parents[3]
STORE = "sqlite:///t.db"


def log(*paths: str) -> bytes:
    lines = "".join(f"2026-11-22\t10:30:00\t{path}\n" for path in paths)
    return gzip.compress(f"#Fields: date time cs-uri-stem\n{lines}".encode(), mtime=0)


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two objects, beside a store that is not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGETALLY_STORE", STORE)
    monkeypatch.setenv("COLUMNS", "300")
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in "ab":
        (folder / f"E1.2026-11-22-10.{name}.gz").write_bytes(log(f"/{name}"))
    return folder


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(arguments)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def give_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_the_version_says_what_a_report_of_a_bug_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """The version first, then Python, the platform, the engine and what it is made of."""
    code, shown, _ = typed(capsys, "--version")
    assert code == 0
    assert re.match(
        r"edgetally \d+\.\d+\.\d+\n\w+ 3\.\d+\.\d+, .*\nengine \w+.*\nSQLite \d.*pyarrow \d", shown
    )


def commands() -> list[list[str]]:
    """Every command and the commands below it."""
    found: list[list[str]] = []
    for name, each in command().commands.items():
        inner: dict[str, Any] = getattr(each, "commands", {})
        found += [[name], *([name, below] for below in inner)]
    return found


@pytest.mark.parametrize("name", commands(), ids=" ".join)
def test_every_command_helps_with_an_example(
    name: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """-h is --help, and a paragraph is broken by the terminal alone."""
    monkeypatch.setenv("COLUMNS", "2000")
    code, short, _ = typed(capsys, *name, "-h")
    assert (code, typed(capsys, *name, "--help")[1]) == (0, short)
    lines = [line.strip() for line in short.splitlines()]
    prose = [line for line in lines if line and "│" not in line and line[0] not in "╭╰"]
    assert prose[0].startswith(f"Usage: edgetally {' '.join(name)}")
    assert prose[-1].startswith(f"Example: edgetally {' '.join(name)}")
    assert [line for line in prose[1:-1] if not line.endswith((".", ":"))] == []


def test_every_command_is_in_a_group_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which one meets them."""
    code, shown, _ = typed(capsys, "--help")
    places = [shown.index(heading) for heading in GROUPS]
    assert (code, places) == (0, sorted(places))
    for name in (each for names in GROUPS.values() for each in names):
        assert re.search(rf"│ {name}\b", shown)


def test_a_shell_gets_a_completion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of commands and options, by the script that --show-completion prints."""
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "_EDGETALLY_COMPLETE": "complete_bash",
        "COMP_WORDS": "edgetally summ",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pipeline"], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["summary"]


def test_standard_input_is_an_object_known_by_its_content(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted once, beside files; can be inspected; and a rebuild can forget it."""
    for committed in (1, 0):
        give_stdin(monkeypatch, log("/piped"))
        code, shown, _ = typed(capsys, "ingest", "-", "--json")
        assert (code, json.loads(shown)["committed"]) == (0, committed)
    give_stdin(monkeypatch, log("/other"))
    assert json.loads(typed(capsys, "ingest", "-", "logs", "--json")[1])["committed"] == 3
    give_stdin(monkeypatch, log("/piped"))
    code, shown, _ = typed(capsys, "inspect", "-", "--json")
    (name,) = (each["name"] for each in json.loads(shown))
    assert re.fullmatch("stdin:[0-9a-f]{64}", name)
    entries = json.loads(typed(capsys, "objects", "--json")[1])
    assert name in {each["name"] for each in entries}
    days = ["--from", "2026-11-22", "--to", "2026-11-23"]
    code, _, problems = typed(capsys, "rebuild", *days)
    assert (code, problems.count("stdin:")) == (1, 3)  # two objects, and one in the advice
    others = [each["name"] for each in entries if each["name"].startswith("stdin:")]
    assert typed(capsys, "rebuild", *days, *(f"--forget={each}" for each in others))[0] == 0
    give_stdin(monkeypatch, b"")
    code, _, said = typed(capsys, "ingest", "-")
    assert (code, said) == (1, "edgetally: standard input: nothing came\n")


def test_a_forgotten_object_is_no_plain_duplicate(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says that it is not counted, and why."""
    first = logs / "E1.2026-11-22-10.a.gz"
    assert typed(capsys, "ingest", "logs")[0] == 0
    days = ["--from", "2026-11-22", "--to", "2026-11-23"]
    assert typed(capsys, "rebuild", *days, "--forget", str(first))[0] == 0
    code, shown, said = typed(capsys, "ingest", "logs")
    assert (code, shown) == (
        0,
        "2 objects, 0 committed, 2 duplicates, 0 failed, 0 records, 0 rejected\n",
    )
    assert said.startswith(f"{first}: is forgotten")
    assert len(said.splitlines()) == 1
    assert typed(capsys, "rebuild", "undo")[0] == 0
    assert typed(capsys, "ingest", "logs")[2] == ""


def test_a_file_that_changed_can_be_left_out_of_a_rebuild(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has the option that does it."""
    first = logs / "E1.2026-11-22-10.a.gz"
    assert typed(capsys, "ingest", "logs")[0] == 0
    first.write_bytes(log("/changed"))
    days = ["--from", "2026-11-22", "--to", "2026-11-23"]
    code, _, said = typed(capsys, "rebuild", *days)
    assert code == 1
    assert "1 object in the way: readers still see the old count" in said
    option = re.search(r"(--forget \S+)", said)
    assert option
    assert typed(capsys, "rebuild", *days, *option[1].split())[0] == 0


def test_a_store_that_cannot_be_written_is_said_once(
    logs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for each object; JSON still names them all."""
    from pipeline.errors import StoreError
    from pipeline.store.sqlite import SqliteStore

    def refuse(*_: object) -> None:
        raise StoreError("SQLite store t.db: attempt to write a readonly database")

    for number in range(10):
        (logs / f"{number}.gz").write_bytes(log(f"/{number}"))
    monkeypatch.setattr(SqliteStore, "commit", refuse)
    code, shown, said = typed(capsys, "ingest", "logs", "--json")
    assert (code, len(json.loads(shown)["problems"])) == (1, 12)
    reason = "SQLite store t.db: attempt to write a readonly database"
    assert said == f"12 objects not counted: {reason}\n"


@pytest.mark.parametrize("interrupted_after", [0, 1])
def test_an_interrupted_ingest_says_what_is_committed(
    logs: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    interrupted_after: int,
) -> None:
    """Also of the batch that was being counted when Ctrl-C came; the rest comes with a retry."""
    for number in range(BATCH):
        (logs / f"{number}.gz").write_bytes(log(f"/{number}"))
    counted = Ingest.__call__
    batches: list[Sequence[Any]] = []

    def interrupt(self: Ingest, refs: Sequence[Any], **more: Any) -> Any:
        batches.append(refs)
        outcomes = counted(self, refs[:3] if len(batches) > interrupted_after else refs, **more)
        if len(batches) > interrupted_after:
            raise KeyboardInterrupt
        return outcomes

    monkeypatch.setattr(Ingest, "__call__", interrupt)
    code, _, said = typed(capsys, "ingest", "logs")
    committed = 3 if interrupted_after == 0 else BATCH + 2
    assert code == 130
    assert f"interrupted: {committed} of 82 objects committed" in said
    monkeypatch.undo()
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{logs.parent}/t.db")
    code, shown, _ = typed(capsys, "ingest", str(logs), "--json")
    assert (code, json.loads(shown)["committed"]) == (0, 82 - committed)


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_a_command_in_order(number: signal.Signals, code: int, word: str) -> None:
    """With a line that says so, and a code of its own."""
    assert main(["ingest", "logs"]) == 0
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "serve", "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.communicate(timeout=20)[1] == f"edgetally: {word}\n"
        assert process.returncode == code


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (botocore.exceptions.NoCredentialsError(), "aws configure"),
        (botocore.exceptions.ProfileNotFound(profile="x"), "AWS_PROFILE"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="x"), "AWS_REGION"),
        *(
            (botocore.exceptions.ClientError({"Error": {"Code": code}}, "Get"), step)
            for code, step in (
                ("ExpiredToken", "aws sso login"),
                ("InvalidClientTokenId", "aws configure"),
                ("RequestTimeTooSkewed", "clock"),
            )
        ),
    ],
)
def test_an_error_of_credentials_has_a_next_step(error: Exception, step: str) -> None:
    """The one that a person can take."""
    assert step in next_step(error)


@pytest.mark.parametrize(
    "arguments",
    [
        ["attach", "E123ABC456DEF"],
        ["status", "E123ABC456DEF"],
        ["ingest", "s3://some-bucket/"],
        ["inspect", "s3://some-bucket/"],
        ["backfill", "s3://some-bucket/", "--dry-run"],
        ["audit", "--bucket", "some-bucket"],
        ["summary", "--store", "dynamodb://table"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_whoever_is_not_logged_in_is_told_how(
    arguments: list[str],
    logs: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By every command that needs AWS, and without a word of a bug."""
    assert main(["ingest", "logs"]) == 0
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    code, _, said = typed(capsys, *arguments)
    assert code == 1
    assert "run `aws configure` or `aws sso login`, name a profile in AWS_PROFILE" in said


@pytest.mark.parametrize(
    "command",
    [
        *(("ingest", "logs", "--json"), ("summary",), ("summary", "--json"), ("series",)),
        *(("report", "logs", "-o", "-"), ("export", "--to", "-"), ("--help",)),
    ],
)
def test_a_reader_that_stops_is_no_failure(command: tuple[str, ...]) -> None:
    """`edgetally objects --json | head -1` has a code of its own, and says nothing."""
    assert main(["ingest", "logs"]) == 0
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 141


def test_help_is_a_command_too(capsys: pytest.CaptureFixture[str]) -> None:
    """As people type it: alone, with nothing, and for a command."""
    for arguments, said in (([], "Count and look"), (["help"], "Count and look")):
        code, shown, _ = typed(capsys, *arguments)
        assert (code, said in shown) == (0, True)
    code, shown, _ = typed(capsys, "help", "ingest")
    assert (code, "edgetally ingest logs/" in shown) == (0, True)


def test_a_series_has_buckets_that_suit_its_window(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days for a month, months for years, unless others are asked for."""
    typed(capsys, "ingest", "logs")
    for end, first in (("2026-12-20", "day"), ("2030-01-01", "month"), ("2026-11-24", "hour")):
        code, shown, _ = typed(
            capsys, "series", "--from", "2026-11-20", "--to", end, "--format", "md"
        )
        assert (code, shown.split()[1]) == (0, first)


def test_a_time_range_is_on_the_clock_of_its_zone(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the bounds of the window are."""
    typed(capsys, "ingest", "logs")
    _, utc, _ = typed(capsys, "summary", "--json")
    _, local, _ = typed(capsys, "summary", "--json", "--tz", "Asia/Tokyo")
    ranges = [json.loads(each)["time_range"].split("/") for each in (utc, local)]
    assert all(each.endswith("Z") for each in ranges[0])
    assert all(each.endswith("+09:00") for each in ranges[1])
    first, second = ([datetime.fromisoformat(each) for each in one] for one in ranges)
    assert first == second


def test_a_small_share_is_not_none() -> None:
    """One of many is less than a tenth of a percent, and none is none."""
    assert [share_of(part, 10_000) for part in (0, 1, 10, 10_000)] == [
        *("0.0 %", "<0.1 %", "0.1 %", "100.0 %")
    ]


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
@pytest.mark.parametrize("command", [("summary",), ("inspect", "logs"), ("objects",), ("--help",)])
def test_no_encoding_of_a_terminal_is_a_bug(
    command: tuple[str, ...], variables: dict[str, str]
) -> None:
    """Characters that it lacks are escaped, and files are read as what they are."""
    assert main(["ingest", "logs"]) == 0
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.parametrize(
    ("command", "closed", "said"),
    [
        ("export --to -", ">&-", "edgetally: standard output is closed\n"),
        ("summary", ">&-", "edgetally: standard output is closed\n"),
        (
            "ingest -",
            "<&-",
            "edgetally: SOURCE: standard input is closed; pipe a log into it, or name a file\n",
        ),
    ],
)
def test_a_stream_that_is_closed_is_named(command: str, closed: str, said: str) -> None:
    """It is the caller's doing, and no bug."""
    assert main(["ingest", "logs"]) == 0
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m pipeline {command} {closed}', sys.executable],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert done.stderr == said


def test_an_interruption_before_the_command_has_begun_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Modules are still being read then."""

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "pipeline.cli.app")
    monkeypatch.setattr("builtins.__import__", interrupt)
    code = program()
    monkeypatch.undo()
    assert (code, capsys.readouterr().err) == (130, "edgetally: interrupted\n")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("attach E1 --all", "DISTRIBUTION: cannot be combined with --all"),
        ("attach E1 --bucket b", "DISTRIBUTION: cannot be combined with --bucket"),
        ("attach E1 --prefix x", "--prefix: needs --bucket"),
        ("attach E1 --fields=", "--fields: is empty; write counted, all"),
        ("attach E1 --fields nosuch", "--fields: 'nosuch' has no time in it"),
        ("attach E1 --json", "--json: asks nothing; say --yes, or --dry-run, too"),
        ("detach E1 --json", "--json: asks nothing; say --yes, or --dry-run, too"),
        ("summary --json --format csv", "--json: cannot be combined with --format csv"),
        ("summary --compare=", "--compare: '' is none of previous, year"),
        ("summary --tz localtime", "--tz: "),
        ("series --metrics=,", "--metrics: '' is none of"),
        ("summary --store sqlite:///no/t.db", "no/t.db does not exist; nor does its folder"),
        ("ingest logs --store sqlite:///no/t.db", "there is no folder no; make it"),
        ("ingest logs --store sqlite:///logs", "is a folder; name a file in it"),
        ("summary --store sqlite:///logs/E1.2026-11-22-10.a.gz", "it is no store; name another"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before AWS or a store is asked."""
    main(["ingest", "logs"])
    code, shown, complaint = typed(capsys, *command.split())
    assert code in (1, 2)
    assert (shown, said in complaint) == ("", True), complaint
