"""A command that writes a file destroys none."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.app import main
from pipeline.cli.report_command import MARK
from tests.unit.cli.test_careful import folder as folder
from tests.unit.cli.test_careful import identity, log, names, said

LOG = "logs/E1.2026-11-22-10.a.gz"
COMMANDS = [
    ["export", "--to"],
    ["report", "-o"],
    ["report", "logs", "-o"],
    ["report", "--format", "csv", "-o"],
]
each_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
forced = pytest.mark.parametrize("force", [[], ["--force"]], ids=["plain", "forced"])


@each_command
@forced
@pytest.mark.parametrize("name", ["store.db", "logs/../store.db", "hard", "other.db"])
def test_a_store_is_never_replaced(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    force: list[str],
    name: str,
) -> None:
    """Neither the one that is read nor another one, under whatever name: exit code 2."""
    assert main(["ingest", "logs", "--store", "sqlite:///other.db"]) == 0
    (folder / "hard").hardlink_to(folder / "store.db")
    before = identity(folder / name), (folder / name).read_bytes()
    assert main([*command, name, *force]) == 2
    assert "name another" in said(capsys)
    assert before == (identity(folder / name), (folder / name).read_bytes())


@forced
@pytest.mark.parametrize("source", ["logs", LOG, "logs/*.gz"])
def test_a_log_is_not_replaced_by_its_report(
    folder: Path, capsys: pytest.CaptureFixture[str], force: list[str], source: str
) -> None:
    """Whatever is forced, and however it was named."""
    before = (folder / LOG).read_bytes()
    (folder / "link").symlink_to("logs")
    for name in (LOG, f"link/{Path(LOG).name}", str(folder / LOG)):
        assert main(["report", source, "-o", name, *force]) == 2
    assert ("is a source" if force else "exists; --force") in said(capsys)
    assert (folder / LOG).read_bytes() == before


@each_command
def test_any_other_file_is_replaced_if_it_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Exit code 2 until --force is given, and then the file is whole and alone."""
    (folder / "mine.txt").write_text("mine")
    before = names(folder)
    assert main([*command, "mine.txt"]) == 2
    assert "mine.txt exists; --force replaces it" in said(capsys)
    assert (folder / "mine.txt").read_text() == "mine"
    assert main([*command, "mine.txt", "--force"]) == 0
    assert len((folder / "mine.txt").read_bytes()) > 100
    assert names(folder) == before


def test_a_report_replaces_an_earlier_one(folder: Path) -> None:
    """Even among the logs that it is of: it is known by its first bytes, and is no log."""
    (folder / "logs" / "report.html").write_text("<!doctype html>mine")
    os.chdir("logs")
    assert main(["report", "."]) == 2
    (folder / "logs" / "report.html").unlink()
    assert main(["report", "."]) == 0
    first = (folder / "logs" / "report.html").read_bytes()
    (folder / "logs" / "E1.2026-11-22-10.c.gz").write_bytes(log("/c"))
    assert main(["report", "."]) == 0
    second = (folder / "logs" / "report.html").read_bytes()
    assert first.startswith(MARK)
    assert second.startswith(MARK)
    assert first != second


def test_others_may_read_a_report_and_not_an_export(folder: Path) -> None:
    """A report has the rights that the umask leaves; an export has the visitors' key."""
    before = os.umask(0o022)
    try:
        assert main(["report", "logs", "-o", "r.html"]) == 0
        assert main(["export", "--to", "e.ndjson"]) == 0
    finally:
        os.umask(before)
    assert (folder / "r.html").stat().st_mode & 0o777 == 0o644
    assert (folder / "e.ndjson").stat().st_mode & 0o777 == 0o600


@each_command
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("a.ndjson")])
def test_only_a_regular_file_is_written(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    make: Callable[[Path], None],
) -> None:
    """Whatever is forced."""
    make(folder / "odd")
    before = identity(folder / "odd")
    assert main([*command, "odd", "--force"]) == 2
    assert "odd is no regular file" in said(capsys)
    assert identity(folder / "odd") == before


DAYS = ["--from", "2026-11-22", "--to", "2026-11-23"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest", ""],
        ["ingest", "logs", ""],
        ["inspect", ""],
        ["report", ""],
        ["report", "logs", "-o", ""],
        ["export", "--to", ""],
        ["import", ""],
        ["backfill", "", "--dry-run"],
        ["objects", "abandon", ""],
        ["objects", "dismiss", ""],
        ["rebuild", *DAYS, "--forget", ""],
        ["summary", "--store", ""],
        ["ingest", "logs", "--store", ""],
        ["ingest", "logs", "--store", "sqlite:///"],
    ],
    ids=" ".join,
)
def test_an_empty_name_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Exit code 2 with a reason, and nothing is counted or written: `$UNSET` is no folder."""
    before = names(folder), (folder / "store.db").read_bytes()
    assert main(arguments) == 2
    shown = said(capsys)
    assert any(reason in shown for reason in ("is empty", "is not set", "names no file"))
    assert before == (names(folder), (folder / "store.db").read_bytes())
