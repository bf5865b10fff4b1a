"""The commands that keep a store, as a user runs them."""

import gzip
import json
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipeline.bootstrap import open_existing, open_service
from pipeline.cli.app import main
from pipeline.errors import QueueError
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.settings import load_settings
from pipeline.store.port import Store
from pipeline.upkeep.backfill import announce
from pipeline.upkeep.rebuild import Rebuilt

HEADER = "#Fields: date time cs-uri-stem\n"


def log(*hours: int, path: str = "/") -> bytes:
    lines = "".join(f"2026-11-22\t{hour:02}:30:00\t{path}\n" for hour in hours)
    return gzip.compress((HEADER + lines).encode())


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three objects that are counted and one that is not, in the store of the environment."""
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setenv("COLUMNS", "300")
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(3):
        (folder / f"E1.2026-11-22-1{number}.a.gz").write_bytes(log(10 + number, 11 + number))
    (folder / "cut.gz").write_bytes(log(10)[:-4])
    assert main(["ingest", str(folder)]) == 1
    return folder


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    """The JSON that a command has just printed."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_the_ledger_is_shown(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The latest entries, those that failed, and in JSON all that is known of them."""
    capsys.readouterr()
    assert main(["objects", "--last", "2"]) == 0
    shown = said(capsys)
    assert shown.count(".gz") == 2
    assert main(["objects", "--failed"]) == 0
    shown = said(capsys)
    assert f"{logs}/cut.gz" in shown
    assert "truncated" in shown
    assert "tried 1 time)" in shown
    assert main(["objects", "--conflicts"]) == 0
    assert said(capsys).strip() == "none"
    assert main(["objects", "--json"]) == 0
    entries = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    one = entries[f"{logs}/E1.2026-11-22-10.a.gz"]
    assert (one["state"], one["records"]) == ("committed", 2)
    hours = {"2026-11-22T10:00:00+00:00": 1, "2026-11-22T11:00:00+00:00": 1}
    assert one["sites"] == {"E1": hours}
    assert len(entries) == 4


def test_a_conflict_is_shown(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is another one now, under the same name."""
    (logs / "E1.2026-11-22-10.a.gz").write_bytes(log(1, 2, 3))
    assert main(["ingest", str(logs)]) == 1
    capsys.readouterr()
    main(["objects", "--conflicts"])
    shown = said(capsys)
    assert "E1.2026-11-22-10.a.gz" in shown
    assert "other content came under its name 1 time " in shown


def test_the_audit_says_what_is_wrong(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and a table; 0 when all of it agrees."""
    capsys.readouterr()
    assert main(["audit"]) == 1
    shown = said(capsys)
    assert "4 objects in the ledger, 5 rows" in shown
    assert "cut.gz: truncated" in shown
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DELETE FROM objects WHERE json_extract(entry, '$.state') = 'failed'")
    assert main(["audit"]) == 0
    assert "all of it agrees" in said(capsys)
    assert main(["audit", "--json", "--from", "2026-11-22", "--to", "2026-11-23"]) == 0
    assert answer_of(capsys)["problems"] == []
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DELETE FROM aggregates WHERE period = 'hour' AND start % 24 = 11")
    assert main(["audit", "--json"]) == 1
    found = answer_of(capsys)
    assert found["ledger_gap"] == 4
    assert [each["kind"] for each in found["problems"]] == ["ledger", "day"]
    assert found["problems"][0]["name"] == "E1 2026-11-22T11"


def answer_of(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_rebuild_forgets_and_can_be_taken_back(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Readers see the new count until it is undone, or the old is deleted."""
    forgotten = str(logs / "E1.2026-11-22-10.a.gz")
    days = ["rebuild", "--from", "2026-11-22", "--to", "2026-11-23", "--json"]

    def total() -> int:
        capsys.readouterr()
        main(["summary", "--json"])
        return int(answer_of(capsys)["total_records"])

    capsys.readouterr()
    assert total() == 6
    assert main([*days, "--forget", forgotten]) == 0
    done = answer(capsys)
    assert (done["recounted"], done["forgotten"], done["failed"]) == (2, 1, [])
    assert total() == 4
    assert main(["rebuild", "undo"]) == 0
    assert total() == 6
    assert main([*days, "--forget", forgotten]) == 0
    capsys.readouterr()
    assert main(["rebuild", "confirm", "--json"]) == 0
    assert answer(capsys) == {"deleted_rows": 5}
    assert total() == 4
    assert main(["rebuild", "confirm"]) == 1
    assert "no rebuild is open" in said(capsys)


def test_a_rebuild_names_what_stands_in_its_way(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and the old count stays."""
    (logs / "E1.2026-11-22-10.a.gz").unlink()
    capsys.readouterr()
    assert main(["rebuild", "--from", "2026-11-22", "--to", "2026-11-23"]) == 1
    shown = said(capsys)
    assert "E1.2026-11-22-10.a.gz: cannot be read" in shown
    assert "readers still see the old count" in shown
    assert main(["rebuild", "--from", "2026-11-22"]) == 2
    assert "--from: is needed, and so is --to" in said(capsys)


def test_a_store_is_moved_by_a_file(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exported and imported it is the same, and takes no object twice; the file is private."""
    first, second = tmp_path / "first.ndjson", tmp_path / "second.ndjson"
    assert main(["export", "--to", str(first)]) == 0
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{tmp_path / 'other.db'}")
    capsys.readouterr()
    assert main(["import", str(first), "--json"]) == 0
    assert answer(capsys) == {"objects": 4, "rows": 5}
    assert main(["export", "--to", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()
    main(["ingest", str(logs), "--json"])
    assert answer(capsys)["duplicates"] == 3
    assert main(["import", str(first)]) == 1
    assert "has objects already" in said(capsys)
    assert main(["import", str(tmp_path / "no such file")]) == 2
    assert main(["export"]) == 2
    assert list(tmp_path.glob(".*partial")) == []


def test_an_export_says_what_it_wrote_and_can_be_piped(
    logs: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The same lines in a file and on standard output, where nothing else is printed."""
    file = tmp_path / "store.ndjson"
    capfdbinary.readouterr()
    assert main(["export", "--to", str(file)]) == 0
    lines = len(file.read_bytes().splitlines())
    assert f"{lines} lines written to {file}".encode() in capfdbinary.readouterr().out
    assert main(["export", "--to", str(file), "--force", "--json"]) == 0
    told = json.loads(capfdbinary.readouterr().out)
    assert told == {"file": str(file), "lines": lines}
    assert main(["export", "--to", "-"]) == 0
    assert capfdbinary.readouterr().out == file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["backfill", "logs/"], "no s3://bucket/prefix"),
        (["backfill", "s3://bucket/"], "--queue: is needed"),
        (["audit", "--enqueue"], "needs --bucket"),
    ],
)
def test_what_cannot_be_done_is_said(
    logs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    """Exit code 2, and what to do."""
    capsys.readouterr()
    assert main(arguments) == 2
    assert reason in said(capsys)


def test_a_dry_backfill_counts_what_is_in_range(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the dates in the names; behind a key, if an earlier run named one."""
    monkeypatch.setenv("COLUMNS", "300")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
        )
        for day in range(1, 29):
            s3.put_object(Bucket="bucket", Key=f"logs/E1.2026-02-{day:02}-10.a.gz", Body=b"12345")
        source = "s3://bucket/logs/"
        window = ["--from", "2026-02-10", "--to", "2026-02-20"]
        assert main(["backfill", source, *window, "--dry-run", "--json"]) == 0
        assert answer(capsys) == {"objects": 10, "bytes": 50}
        after = ["--after", "logs/E1.2026-02-12-10.a.gz"]
        assert main(["backfill", source, *window, *after, "--dry-run"]) == 0
        assert "7 objects, 35 B, would be sent" in said(capsys)


REFS = [ObjectRef("b", f"k{n:03}") for n in range(95)]


def test_objects_are_announced_in_batches_and_in_order() -> None:
    """What is reported as sent was sent, up to there without a gap."""
    sent: list[int] = []

    def send(refs: Sequence[ObjectRef]) -> None:
        sent.append(len(refs))

    reported = [ref for batch in announce(iter(REFS), send, 10) for ref in batch]
    assert reported == REFS
    assert sorted(sent) == [5] + [10] * 9


def test_a_queue_that_fails_ends_the_backfill_where_it_can_go_on() -> None:
    """Everything before the failure is reported, nothing behind it."""

    def send(refs: Sequence[ObjectRef]) -> None:
        if refs[0].key == "k040":
            raise QueueError("url", "is gone")

    reported: list[str] = []

    def backfill() -> None:
        for batch in announce(iter(REFS), send, 10):
            reported.extend(ref.key for ref in batch)

    with pytest.raises(QueueError):
        backfill()
    assert reported[-1] == "k039"


def test_a_half_committed_object_is_abandoned_by_a_command(
    logs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, with what the rebuild did; an object that stands in the way is exit code 1."""
    asked: list[ObjectRef] = []
    obstacle = (ObjectRef("bucket", "other"), "it is gone")

    def take_back(store: Store, reader: Reader, ref: ObjectRef) -> Rebuilt:
        asked.append(ref)
        return Rebuilt(7, 2, 1, [obstacle] if ref.key == "stuck" else [])

    monkeypatch.setattr("pipeline.upkeep.rebuild.abandon", take_back)
    capsys.readouterr()
    assert main(["objects", "abandon", "s3://bucket/a?b#c", "--json"]) == 0
    expected = {"generation": 7, "recounted": 2, "forgotten": 1, "failed": []}
    assert answer(capsys) == expected
    assert main(["objects", "abandon", "s3://bucket/stuck"]) == 1
    assert "s3://bucket/other: it is gone" in said(capsys)
    assert [ref.name for ref in asked] == ["s3://bucket/a?b#c", "s3://bucket/stuck"]


def test_only_a_half_committed_object_is_abandoned(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another is named with the reason, and options before the command are refused."""
    name = str(logs / "E1.2026-11-22-10.a.gz")
    assert main(["objects", "abandon", name]) == 1
    assert "is not half committed" in said(capsys)
    assert main(["objects", "--failed", "abandon", name]) == 2
    assert "put options behind abandon" in said(capsys)


def test_a_failure_is_dismissed_by_a_command(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the audit is clean; an object without a problem is named as such."""
    assert main(["audit"]) == 1
    capsys.readouterr()
    assert main(["objects", "dismiss", str(logs / "cut.gz"), "--json"]) == 0
    assert answer(capsys) == {"dismissed": str(logs / "cut.gz")}
    capsys.readouterr()
    assert main(["audit"]) == 0
    assert "all of it agrees" in said(capsys)
    assert main(["objects", "dismiss", str(logs / "cut.gz")]) == 1
    assert "nothing is dismissed" in said(capsys)


def test_a_dismissed_conflict_is_no_problem_any_more(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither of the audit nor in the list, even if the same failure or content comes again."""
    other = logs / "E1.2026-11-22-10.a.gz"
    other.write_bytes(log(1, 2, 3))
    assert main(["ingest", str(logs)]) == 1
    assert main(["audit"]) == 1
    for name in (logs / "cut.gz", other):
        assert main(["objects", "dismiss", str(name)]) == 0
    assert main(["ingest", str(logs)]) == 1
    assert main(["audit"]) == 0
    capsys.readouterr()
    assert main(["objects", "--failed", "--conflicts", "--json"]) == 0
    assert answer_of(capsys) == []


def test_the_health_knows_a_whole_audit(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of some days says nothing of the others, so it is not kept."""

    def gap() -> tuple[str, str]:
        store = open_existing(load_settings())
        checks = open_service(load_settings(), store, report).health.report().health_status
        (check,) = (each for each in checks if each.name == "ledger_gap")
        return check.status, check.detail

    def report(error: Exception) -> None:
        raise AssertionError(error)

    assert main(["objects", "dismiss", f"{logs}/cut.gz"]) == 0
    assert main(["audit", "--from", "2026-11-22"]) == 0
    assert gap()[0] == "warn"
    assert main(["audit"]) == 0
    status, detail = gap()
    assert status == "ok"
    assert "0 records too many or too few, as of an audit" in detail
