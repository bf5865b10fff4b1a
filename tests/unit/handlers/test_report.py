"""What the ingest function tells: metrics, log lines, and a result for each task of a batch."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

import handlers.ingest
from pipeline.errors import ObjectGone, ObjectRefused, ObjectUnavailable, StoreError
from pipeline.ingest.ingest import Outcome
from pipeline.objects import ObjectRef
from pipeline.source.queue import announcement
from tests.unit.handlers.test_handlers import CONTEXT, event, last_metrics

REF = ObjectRef("b", "k", "e", "v1")


def outcome(state: Any, **said: Any) -> Outcome:
    return Outcome(REF, state, **said)


OUTCOMES = [
    outcome("committed", records=7, rejected={"bad_timestamp": 2, "too_few_fields": 3}),
    outcome("committed", records=1),
    outcome("duplicate"),
    outcome("conflict", reason="other content"),
    *[outcome("failed", reason="damaged", error=ObjectRefused("damaged"))] * 2,
    *[outcome("postponed", reason="no time", opened=False)] * 3,
]


class Told:
    """An ingest whose outcomes are given; it notes what it is asked to count."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = list(outcomes)
        self.refs: list[ObjectRef] = []

    def __call__(self, refs: Sequence[ObjectRef], **_: Any) -> list[Outcome]:
        self.refs = list(refs)
        assert len(refs) == len(self.outcomes)
        return self.outcomes


def messages(count: int) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": str(n), "eventSource": "aws:sqs", "body": announcement(REF)}
            for n in range(count)
        ]
    }


def deliver(monkeypatch: pytest.MonkeyPatch, *outcomes: Outcome) -> Any:
    monkeypatch.setattr(handlers.ingest, "configured", lambda: Told(outcomes))
    monkeypatch.setattr(handlers.ingest, "own_queue", lambda: None)
    return handlers.ingest.handler(messages(len(outcomes)), CONTEXT)


def test_every_kind_of_outcome_is_a_metric_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its number; alarms are set on them."""
    answer = deliver(monkeypatch, *OUTCOMES)
    told = last_metrics(capsys.readouterr().out)
    assert {name: value for name, value in told.items() if isinstance(value, list)} == {
        "objects": [9],
        "records": [8],
        "rejected": [5],
        "duplicates": [1],
        "conflicts": [1],
        "failures": [2],
        "postponed": [3],
    }
    failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    assert failed == ["4", "5", "6", "7", "8"]


def test_what_did_not_happen_is_no_metric(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be paid for."""
    deliver(monkeypatch, outcome("committed", records=1))
    told = last_metrics(capsys.readouterr().out)
    assert {name for name, value in told.items() if isinstance(value, list)} == {
        "objects",
        "records",
    }


def test_conflicts_failures_and_bugs_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the object and the reason; a bug with the place that raised it, not with its message."""
    line = "203.0.113.77"
    try:
        raise ZeroDivisionError(line)
    except ZeroDivisionError as error:
        bug = outcome("failed", reason="a bug", error=error)
    with caplog.at_level(logging.WARNING):
        deliver(monkeypatch, *OUTCOMES, bug)
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("WARNING", "s3://b/k: other content") in told
    assert ("WARNING", "not counted: s3://b/k: damaged") in told
    assert ("WARNING", "not counted: s3://b/k: no time") in told
    (error_record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert error_record.getMessage() == "s3://b/k: a bug"
    assert "test_conflicts_failures_and_bugs_are_logged" in vars(error_record)["stack"]
    assert line not in str(vars(error_record))


@pytest.mark.parametrize(
    ("result", "code", "text"),
    [
        (outcome("committed", records=3, rejected={"x": 2}), "Succeeded", "3 records, 2 lines"),
        (outcome("duplicate"), "Succeeded", "was counted before"),
        (outcome("conflict", reason="other content"), "PermanentFailure", "other content"),
        (outcome("postponed", reason="no time"), "TemporaryFailure", "no time"),
        (outcome("failed", reason="r", error=ObjectRefused("r")), "PermanentFailure", "r"),
        (outcome("failed", reason="r", error=ObjectGone("r")), "PermanentFailure", "r"),
        (outcome("failed", reason="r", error=ObjectUnavailable("r")), "TemporaryFailure", "r"),
        (outcome("failed", reason="r", error=StoreError("r")), "TemporaryFailure", "r"),
        (outcome("failed", reason="x" * 5000, error=KeyError()), "TemporaryFailure", "x" * 1000),
    ],
)
def test_a_task_has_the_result_of_its_object(
    monkeypatch: pytest.MonkeyPatch, result: Outcome, code: str, text: str
) -> None:
    """The engine tries a temporary failure again; its texts have at most 1,000 characters."""
    monkeypatch.setattr(handlers.ingest, "configured", lambda: Told([result]))
    (answer,) = handlers.ingest.handler(event("ingest-batch-2"), CONTEXT)["results"]
    assert answer["resultCode"] == code
    assert answer["resultString"].startswith(text)
    assert len(answer["resultString"]) <= 1000


@pytest.mark.parametrize("name", ["ingest-batch-1", "ingest-batch-2"])
@pytest.mark.parametrize("version", ["v 1", None, ""])
def test_a_task_names_the_version_of_its_object(
    monkeypatch: pytest.MonkeyPatch, name: str, version: str | None
) -> None:
    """In both schemas, if the bucket has versions."""
    document = event(name)
    document["tasks"][0]["s3VersionId"] = version
    told = Told([outcome("duplicate")])
    monkeypatch.setattr(handlers.ingest, "configured", lambda: told)
    handlers.ingest.handler(document, CONTEXT)
    assert [ref.version_id for ref in told.refs] == [version or ""]
    assert told.refs[0].bucket.startswith("edgetally-logs")


@pytest.mark.parametrize(
    "task", [3, None, {}, {"s3Key": "k"}, {"s3Key": 5, "s3Bucket": "b"}, {"s3Key": "%ff"}]
)
def test_a_task_that_names_no_object_fails_alone(
    monkeypatch: pytest.MonkeyPatch, task: Any
) -> None:
    """For good: another try gives the same."""
    document = event("ingest-batch-2")
    named = task | {"taskId": "bad"} if isinstance(task, dict) else {"taskId": "bad", "s3Key": task}
    document["tasks"].append(named)
    monkeypatch.setattr(handlers.ingest, "configured", lambda: Told([outcome("duplicate")]))
    good, bad = handlers.ingest.handler(document, CONTEXT)["results"]
    assert (good["resultCode"], bad["resultCode"]) == ("Succeeded", "PermanentFailure")
    assert json.dumps(bad["resultString"]).startswith('"the task names no object')
