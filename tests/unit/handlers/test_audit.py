"""The function that audits the stack: what it publishes, and what the health tells of it."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

import handlers.audit
import handlers.summaries
from pipeline.cli.app import main
from tests.support.template import read_template
from tests.unit.handlers.test_handlers import CONTEXT, event

NOW = datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store with three requests of five days ago and two of an hour ago, and a bucket that has
    an object which nobody announced."""
    monkeypatch.setattr("pipeline.upkeep.audit.GRACE", timedelta(0))
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setenv("EDGETALLY_BUCKET", "bucket")
    monkeypatch.setenv("EDGETALLY_AUDIT_HOURS", "240")
    (tmp_path / "old.gz").write_bytes(log(NOW - timedelta(days=5), 3))
    (tmp_path / "new.gz").write_bytes(log(NOW - timedelta(hours=1), 2))
    assert main(["ingest", str(tmp_path / "old.gz"), str(tmp_path / "new.gz")]) == 0
    with mock_aws():
        s3 = boto3.client("s3")
        where = {"LocationConstraint": "eu-west-2"}
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=where)
        s3.put_object(Bucket="bucket", Key="unannounced.gz", Body=b"")
        yield tmp_path / "store.db"


def log(at: datetime, lines: int) -> bytes:
    row = f"{at:%Y-%m-%d\t%H:%M:%S}\t/\n"
    return gzip.compress(f"#Fields: date time cs-uri-stem\n{row * lines}".encode())


def audit() -> Any:
    return handlers.audit.handler(event("audit"), CONTEXT)


def delete_hours(store: Path, at: datetime) -> None:
    """Take away the rows of a day's hours, and leave the day's own."""
    day = int(at.timestamp()) // 86_400
    with sqlite3.connect(store) as db:
        changed = db.execute(
            "DELETE FROM aggregates WHERE period = 'hour' AND start / 24 = ?", (day,)
        )
        assert changed.rowcount > 0


def test_days_that_have_expired_are_not_missed(store: Path) -> None:
    """The store knows the retention, so that the alarm does not ring for what was deleted."""
    delete_hours(store, NOW - timedelta(days=5))
    assert audit()["ledger_gap"] > 0
    assert main(["settings", "retention_days=3"]) == 0
    assert audit()["ledger_gap"] == 0


def test_the_health_tells_of_a_gap_and_of_missing_objects(store: Path) -> None:
    """Each number by its own name, and `fail` for the gap."""
    assert audit() | {"oldest_unprocessed_seconds": 0} == {
        "missing_objects": 1,
        "ledger_gap": 0,
        "oldest_unprocessed_seconds": 0,
        "objects": 2,
        "problems": 1,
    }
    assert health() == ("fail", 0, "0 records too many or too few, 1 object missing")
    delete_hours(store, NOW - timedelta(days=5))
    gap = audit()["ledger_gap"]
    assert gap == 6  # three of the ledger, three of the day
    assert health() == ("fail", 6, "6 records too many or too few, 1 object missing")


def test_a_bucket_that_is_not_the_stacks_is_looked_through_under_its_prefix(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there and not counted is missing; what else is in that bucket is nobody's."""
    s3 = boto3.client("s3")
    where = {"LocationConstraint": "eu-west-2"}
    s3.create_bucket(Bucket="theirs", CreateBucketConfiguration=where)
    for key in ("cf/one.gz", "cf/two.gz", "other/three.gz"):
        s3.put_object(Bucket="theirs", Key=key, Body=b"")
    assert audit()["missing_objects"] == 1
    monkeypatch.setenv("EDGETALLY_EXISTING_BUCKET", "theirs")
    monkeypatch.setenv("EDGETALLY_EXISTING_PREFIX", "cf/")
    assert audit()["missing_objects"] == 3


def health() -> tuple[str, int, str]:
    answer = handlers.summaries.handler(event("summaries-health"), CONTEXT)
    checks = {check["name"]: check for check in json.loads(answer["body"])["health_status"]}
    check = checks["ledger_gap"]
    return check["status"], check["value"], check["detail"].partition(", as of")[0]


def test_the_alarms_watch_the_metrics_that_are_published(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the same names, and with no dimension but the service."""
    capsys.readouterr()
    figures = audit()
    (line,) = [each for each in capsys.readouterr().out.splitlines() if '"_aws"' in each]
    published = json.loads(line)
    (directive,) = published["_aws"]["CloudWatchMetrics"]
    names = {metric["Name"] for metric in directive["Metrics"]}
    alarms = [
        each["Properties"]
        for name, each in read_template()["Resources"].items()
        if each["Type"] == "AWS::CloudWatch::Alarm" and each.get("Condition") == "Audits"
    ]
    assert {alarm["MetricName"] for alarm in alarms} <= names
    assert [published[name] for name in sorted(names)] == [[figures[n]] for n in sorted(names)]
    for alarm in alarms:
        (dimension,) = alarm["Dimensions"]
        assert directive["Dimensions"] == [[dimension["Name"]]]
        assert published[dimension["Name"]] == dimension["Value"]
