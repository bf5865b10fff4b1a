"""Commands destroy nothing, pass over nothing in silence, and blame nobody wrongly."""

import gzip
import json
import os
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import botocore.endpoint
import pytest

from pipeline.cli.app import main

STORE = "sqlite:///store.db"


def log(path: str) -> bytes:
    return gzip.compress(f"#Fields: date time cs-uri-stem\n2026-11-22\t10:30:00\t{path}\n".encode())


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody may enter, with a store of two objects, an export of it, and logs."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EDGETALLY_STORE", STORE)
    monkeypatch.setenv("COLUMNS", "300")
    (folder / "logs" / "deep").mkdir(parents=True)
    (folder / "logs" / "E1.2026-11-22-10.a.gz").write_bytes(log("/a"))
    (folder / "logs" / "deep" / "E1.2026-11-22-10.b.gz").write_bytes(log("/b"))
    assert main(["ingest", "logs"]) == 0
    assert main(["export", "--to", "a.ndjson"]) == 0
    yield folder
    shutil.rmtree(folder)


def identity(path: Path) -> tuple[int, ...]:
    """A file as it lies there; its time of access changes when it is looked at."""
    status = path.lstat()
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_an_export_replaces_nothing_unless_it_is_told_to(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the file is what it was; with --force it is the export."""
    exported = (folder / "a.ndjson").read_bytes()
    (folder / "mine.txt").write_text("mine")
    assert main(["export", "--to", "mine.txt"]) == 2
    assert "mine.txt exists; --force replaces it" in said(capsys)
    assert (folder / "mine.txt").read_text() == "mine"
    assert main(["export", "--to", "mine.txt", "--force"]) == 0
    assert (folder / "mine.txt").read_bytes() == exported
    assert names(folder) == ["a.ndjson", "logs", "mine.txt", "store.db"]


def _link(path: Path) -> None:
    path.symlink_to("mine.txt")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, _link, _socket])
def test_an_export_goes_to_a_regular_file(
    folder: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    """And to no folder, pipe, link or socket, whatever is forced."""
    make(folder / "odd")
    before = identity(folder / "odd")
    for force in ([], ["--force"]):
        assert main(["export", "--to", "odd", *force]) == 2
        assert "odd is no regular file" in said(capsys)
    assert identity(folder / "odd") == before


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_an_export_does_not_replace_the_store_itself(
    folder: Path, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    """Nor a file that SQLite keeps beside it, under whatever name."""
    file = folder / f"store.db{end}"
    file.touch()
    (folder / "other").hardlink_to(file)
    before = file.read_bytes()
    for name in (f"store.db{end}", f"logs/../store.db{end}", str(file), "other"):
        assert main(["export", "--to", name, "--force"]) == 2
        assert "is the store itself" in said(capsys)
    assert file.read_bytes() == before


def test_an_export_that_fails_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is an error of the system: exit code 1, and the file of before is there."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = (folder / "a.ndjson").read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    assert main(["export", "--to", "a.ndjson", "--force"]) == 1
    assert ": No space left on device" in said(capsys)
    assert (folder / "a.ndjson").read_bytes() == before
    assert names(folder) == ["a.ndjson", "logs", "store.db"]


def test_a_rebuild_is_confirmed_or_undone_by_a_command_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Options before it would be ignored, so they are refused."""
    days = ["--from", "2026-11-22", "--to", "2026-11-23"]
    for end in ("undo", "confirm"):
        assert main(["rebuild", *days]) == 0
        assert main(["rebuild", "--store", "sqlite:///other.db", end]) == 2
        assert f"put options behind {end}" in said(capsys)
        assert main(["rebuild", end]) == 0
        assert main(["rebuild", end]) == 1
        assert "no rebuild is open" in said(capsys)
    assert main(["rebuild", "--confirm"]) == 2


def test_what_is_passed_over_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hidden files and folders, links to folders, and what is no file; exit code 0."""
    logs = folder / "logs"
    (logs / ".hidden.gz").write_bytes(log("/hidden"))
    (logs / ".git").mkdir()
    (logs / "circle").symlink_to(logs)
    os.mkfifo(logs / "pipe")
    (logs / "gone.gz").symlink_to("nowhere")
    (logs / "linked.gz").symlink_to("E1.2026-11-22-10.a.gz")
    capsys.readouterr()
    for command in ("ingest", "inspect"):
        assert main([command, "logs", "--json"]) == 0
        shown = capsys.readouterr().err.splitlines()
        assert sorted(shown) == [
            "passed over, hidden file: logs/.hidden.gz",
            "passed over, hidden folder: logs/.git",
            "passed over, link to a folder: logs/circle",
            "passed over, neither file nor folder: logs/gone.gz and 1 more",
        ]
    main(["objects", "--json"])
    assert "linked.gz" not in said(capsys)


@pytest.mark.parametrize("source", ["logs", "logs/**/*.gz", "logs/*/*.gz", "logs/deep"])
def test_a_folder_that_cannot_be_listed_is_a_failure(
    folder: Path, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    """Its name and the reason are told, the rest is counted, and the exit code is 1."""
    main(["ingest", "logs"])  # loads all modules before this is somebody else
    (folder / "logs" / "deep").chmod(0)
    capsys.readouterr()
    with as_nobody():
        assert main(["inspect", source]) == 1
    assert "logs/deep: cannot be listed: Permission denied" in capsys.readouterr().err


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may do everything; somebody else is asked for permission."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


READING = [["summary"], ["objects"], ["audit"], ["audit", "--from", "2026-11-22"]]


@pytest.mark.parametrize("arguments", READING)
def test_reading_needs_no_right_to_write(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Neither to the file nor to its folder; and nothing changes in either."""
    assert main(arguments) == 0
    expected = said(capsys)
    (folder / "store.db").chmod(0o444)
    folder.chmod(0o555)
    before = (folder / "store.db").read_bytes(), names(folder)
    with as_nobody():
        assert main(arguments) == 0, said(capsys)
    folder.chmod(0o755)
    assert said(capsys) == expected
    assert before == ((folder / "store.db").read_bytes(), names(folder))


def test_a_store_that_may_not_be_written_to_is_exported(folder: Path) -> None:
    """Into another folder."""
    with tempfile.TemporaryDirectory() as elsewhere:
        Path(elsewhere).chmod(0o777)
        (folder / "store.db").chmod(0o444)
        folder.chmod(0o555)
        with as_nobody():
            assert main(["export", "--to", f"{elsewhere}/b.ndjson"]) == 0
        folder.chmod(0o755)
        assert Path(elsewhere, "b.ndjson").read_bytes() == Path("a.ndjson").read_bytes()


def test_a_store_that_was_not_closed_is_not_read_without_its_log(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies beside the file is a part of it: without a right to use it nothing is shown."""
    (folder / "store.db-wal").write_bytes(b"something that was written last")
    (folder / "store.db-wal").chmod(0)
    folder.chmod(0o555)
    with as_nobody():
        assert main(["summary"]) == 1
    folder.chmod(0o755)
    assert "store.db" in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["serve", "--port", "0"], 2),
        (["import", "cut.ndjson"], 1),
        (["import", "notes.txt"], 1),
        (["import", "missing.ndjson"], 2),
        (["ingest", "nothing"], 2),
        (["rebuild", "--from", "2026-11-22", "--to", "2026-11-23"], 2),
        (["rebuild", "undo"], 2),
        *((arguments, 2) for arguments in READING),
        (["export", "--to", "b.ndjson"], 2),
    ],
)
def test_a_wrong_name_makes_no_store(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    """Only what is counted or imported makes one, and only if there is something."""
    (folder / "cut.ndjson").write_bytes((folder / "a.ndjson").read_bytes()[:-5])
    (folder / "notes.txt").write_text("notes")
    before = names(folder)
    named = [*arguments[:2], "--store", "sqlite:///wrong.db", *arguments[2:]]
    assert main(named) == code
    assert names(folder) == before
    assert "a bug" not in said(capsys)


ODD: list[list[str]] = [
    ["summary", "--from", "0001-01-01T00:00+14:00"],
    ["summary", "--to", "9999-12-31T23:59-12:00"],
    ["summary", "--to", "9999-12-31T23:30Z"],
    ["summary", "--hours", "99999999999999999999"],
    ["summary", "--hours", "-1"],
    ["summary", "--top", "99999999999999999999"],
    ["objects", "--last", "99999999999999999999"],
    ["audit", "--from", "9999-12-31"],
    ["audit", "--to", "0001-01-01"],
    ["rebuild", "--from", "0001-01-01", "--to", "9999-12-31"],
    ["rebuild", "--from", "2026-11-22", "--to", "2026-11-23", "--forget", "s3://"],
    ["rebuild", "--from", "2026-11-22", "--to", "2026-11-23", "--forget", "no\x1bwhere"],
    ["import", "."],
    ["import", "logs/E1.2026-11-22-10.a.gz"],
    ["export", "--to", "."],
    ["export", "--to", "no/such/folder/file"],
    ["export", "--to", "x" * 300],
    ["ingest", "x" * 5000],
    ["ingest", "s3://"],
    ["ingest", "["],
    ["inspect", "/dev/null"],
    ["summary", "--store", "://"],
    ["rebuild", "--from", "2026-11-22", "--to", "2026-11-23", "--forget", "s3://[x/y"],
    ["backfill", "s3://[x/y", "--dry-run"],
    ["backfill", "s3://bucket/", "--queue", "no url", "--dry-run", "--from", "x"],
    ["audit", "--queue", "no url"],
    ["audit", "--bucket", "not a bucket", "--queue", "http://127.0.0.1:1/q"],
    ["ingest", "s3://Not_A Bucket/"],
    ["summary", "--store", "dynamodb://table?endpoint=nowhere"],
    ["summary", "--store", "dynamodb://table?region=no region"],
    ["summary", "--store", "dynamodb://table?endpoint=http://127.0.0.1:1"],
    ["summary", "--store", "dynamodb://no:port:at:all"],
    ["summary", "--store", "sqlite:///logs"],
    ["summary", "--store", "sqlite:///logs/E1.2026-11-22-10.a.gz"],
    ["summary", "--store", "dynamodb://[x"],
    ["ingest", "logs", "--store", "sqlite:///" + "x" * 300],
]


@pytest.mark.parametrize("arguments", ODD, ids=" ".join)
def test_a_mistake_of_the_user_is_never_called_a_bug(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is typed: an answer or exit code 1 or 2, in a few lines without a trace."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    assert main(arguments) in (0, 1, 2)
    shown = said(capsys)
    assert "a bug" not in shown
    assert "Traceback" not in shown


def test_a_link_is_the_file_it_points_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with two names is counted once, whether a folder or a link is named."""
    capsys.readouterr()
    (folder / "logs" / "again.gz").symlink_to(folder / "logs" / "E1.2026-11-22-10.a.gz")
    (folder / "elsewhere").symlink_to(folder / "logs")
    assert main(["ingest", "logs", "logs/again.gz", "elsewhere"]) == 0
    assert capsys.readouterr().out.startswith("2 objects, 0 committed, 2 duplicates")


def test_a_database_of_another_program_stays_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No table is made beside those of another program, and the message says so."""
    with closing(sqlite3.connect("other.db")) as db:
        db.execute("CREATE TABLE x (y)")
    assert main(["ingest", "logs", "--store", "sqlite:///other.db"]) == 1
    assert "a database of another program" in capsys.readouterr().err
    with closing(sqlite3.connect("other.db")) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("x",)]


def test_an_empty_token_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A secret from an unset variable does not open the server to everybody."""
    assert main(["serve", "--token", ""]) == 2
    assert "is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "token", ["s3cret\n", "s3\ncret", "s3\tcret", "s3\0cret", "s3cret\x7f", "s3cr\xe9t", " s3cret"]
)
def test_a_token_that_no_header_can_carry_is_refused(
    token: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an option and as a variable; the secret is not repeated."""
    assert main(["serve", "--token", token]) == 2
    if "\0" not in token:
        monkeypatch.setenv("EDGETALLY_TOKEN", token)
        assert main(["serve"]) == 2
    said = capsys.readouterr().err
    assert "a header cannot carry" in said
    assert "s3" not in said


def test_a_port_in_use_is_named_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """In words, without the address as a program writes it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert f"{port} cannot be used: Address already in use; --port 0 takes a free one" in said
    assert "(" not in said


def test_a_summary_of_nothing_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The hours in the store are named; an unknown site is refused with those there are."""
    assert main(["summary", "--from", "1999-01-01", "--to", "1999-01-02"]) == 0
    assert "The store has 2 requests: --from 2026-11-22T10:00Z" in capsys.readouterr().err
    assert main(["summary", "--site", "e1"]) == 2
    assert "no site 'e1'; there are: E1" in capsys.readouterr().err
    assert main(["summary", "--from", ""]) == 2
    assert "is no date or time" in capsys.readouterr().err


def test_json_of_an_ingest_names_the_objects_with_a_problem(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program can tell the object, its state and the reason."""
    (folder / "bad.log").write_bytes(b"hello\n")
    capsys.readouterr()
    assert main(["ingest", "bad.log", "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["name"] == str((folder / "bad.log").resolve())
    assert problem["state"] == "failed"
    assert problem["reason"]
