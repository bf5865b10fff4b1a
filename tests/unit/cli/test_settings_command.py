"""`edgetally settings`, as a user runs it."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.cli.app import main

BODY = gzip.compress(b"#Fields: date time cs-uri-stem\n2026-11-22\t10:30:00\t/\n")


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of logs beside a store that was written under settings of the environment."""
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    folder = tmp_path / "logs"
    for name in ("shop/one.gz", "shop/two.gz", "blog/one.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(BODY)
    with monkeypatch.context() as patch:
        patch.setenv("EDGETALLY_MAX_PATHS", "500")
        patch.setenv("EDGETALLY_REALTIME_FIELDS", "timestamp, cs-uri-stem")
        assert main(["ingest", str(folder / "shop" / "one.gz")]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_they_are_shown_and_changed(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As lines, or as JSON; a change is seen by the next command."""
    capsys.readouterr()
    assert main(["settings"]) == 0
    shown = said(capsys)
    assert "max_paths = 500\n" in shown
    assert "realtime_fields = timestamp cs-uri-stem\n" in shown
    assert main(["settings", "retention_days=30", "ledger_days=90", "--json"]) == 0
    assert json.loads(said(capsys))["retention_days"] == 30
    assert main(["settings", "--json"]) == 0
    assert json.loads(said(capsys))["ledger_days"] == 90


def test_a_writer_with_others_is_refused(
    logs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With both values and the command that ends the contradiction, which then does."""
    monkeypatch.setenv("EDGETALLY_MAX_PATHS", "800")
    capsys.readouterr()
    assert main(["ingest", str(logs)]) == 1
    message = said(capsys)
    assert "setting max_paths is 800, and the store was written with 500" in message
    assert "edgetally settings max_paths=800" in message
    assert main(["settings", "max_paths=800"]) == 0
    assert main(["ingest", str(logs)]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("site=x", "'site=x' is none; the names are site_pattern,"),
        ("shards", "'shards' is none"),
        ("shards=0", "shards: '0': Input should be greater than or equal to 1"),
        ("shards=many", "shards: 'many': Input should be a valid integer"),
        ("site_pattern=^x", "no group named site"),
        ("sampling=x=0", "is no prefix=percent"),
        ("retention_days=400", None),
    ],
)
def test_what_makes_no_sense_is_refused(
    logs: Path, capsys: pytest.CaptureFixture[str], change: str, message: str | None
) -> None:
    """With the setting's name; nothing is changed."""
    assert main(["settings", "ledger_days=90"]) == 0
    before = said(capsys)
    expected = message or "90 is too few: rows are kept for 400 days"
    assert main(["settings", change]) == 2
    assert expected in said(capsys)
    assert main(["settings"]) == 0
    assert said(capsys) in before


def test_a_changed_site_pattern_is_applied_to_what_was_counted(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command that the message names: then rows, ledger and audit have the new sites."""
    assert main(["settings", "site_pattern=/(?P<site>shop|blog)/"]) == 0
    assert "edgetally rebuild --from DAY --to DAY" in said(capsys)
    assert main(["ingest", str(logs)]) == 0
    assert main(["rebuild", "--from", "2026-11-22", "--to", "2026-11-23"]) == 0
    assert main(["rebuild", "confirm"]) == 0
    capsys.readouterr()
    assert main(["objects", "--json"]) == 0
    sites = [site for entry in json.loads(said(capsys)) for site in entry["sites"]]
    assert sorted(sites) == ["blog", "shop", "shop"]
    assert main(["audit"]) == 0
    assert main(["settings", "site_pattern="]) == 0
    assert "site_pattern = \n" in said(capsys)


def test_a_retention_that_is_raised_shows_again_what_is_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command says what it does not show, and names the next one, which helps."""
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    today = datetime.now(UTC)

    def log(days: int) -> str:
        at = today - timedelta(days=days)
        file = tmp_path / f"{days}.log"
        file.write_text(f"#Fields: date time cs-uri-stem\n{at:%Y-%m-%d}\t10:30:00\t/\n" * days)
        return str(file)

    def total() -> int:
        capsys.readouterr()
        assert main(["summary", "--json"]) == 0
        requests: int = json.loads(capsys.readouterr().out)["total_records"]
        return requests

    assert main(["ingest", log(1), log(40)]) == 0
    assert main(["settings", "retention_days=20"]) == 0
    assert "stay hidden" not in said(capsys)
    assert main(["ingest", log(100)]) == 0
    shown = said(capsys)
    assert "0 committed, 0 duplicates, 1 expired, 0 failed, 0 records" in shown
    first = f"{today - timedelta(days=20):%Y-%m-%d}"
    assert f"100.log: all its hours are before {first}, past the retention" in shown
    assert main(["ingest", log(100)]) == 0
    shown = said(capsys)
    assert "1 duplicate, 0 failed" in shown or "1 duplicates, 0 failed" in shown
    assert f"100.log: all its hours are before {first}, past the retention" in shown
    assert main(["ingest", log(90), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["committed"], figures["expired"], figures["problems"]) == (0, 1, [])
    assert total() == 1
    assert main(["audit"]) == 0
    assert "not shown" not in said(capsys)
    assert main(["settings", "retention_days=95"]) == 0
    assert f"Days before {first} were past the retention" in said(capsys)
    assert total() == 1
    assert main(["audit"]) == 0
    oldest = f"{today - timedelta(days=90):%Y-%m-%d}"
    command = f"edgetally rebuild --from {oldest} --to {first}"
    assert f"not shown: 2 objects of days before {first}" in (shown := said(capsys))
    assert command in " ".join(shown.split())
    assert main(command.split()[1:]) == 0
    assert "are not shown" not in said(capsys)
    assert total() == 1 + 40 + 90
    assert main(["rebuild", "confirm"]) == 0
    assert main(["audit"]) == 0
    assert "not shown" not in said(capsys)
    long_ago, kept = (f"{today - timedelta(days=days):%Y-%m-%d}" for days in (120, 95))
    assert main(["rebuild", "--from", long_ago, "--to", first]) == 0
    assert f"days before {kept} are not shown" in said(capsys)
    assert total() == 1 + 40 + 90
