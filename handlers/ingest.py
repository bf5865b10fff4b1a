"""The function that counts new log objects. A failed message stays in its queue; an event that
came directly fails as a whole, for Lambda to retry and then to hand to the dead-letter queue. S3
Batch Operations gets a result for each of its tasks."""

from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batch import batch_answer, batch_refs, is_batch
from handlers.events import Announced, announced
from pipeline.bootstrap import open_ingest, open_store
from pipeline.deadline import Deadline
from pipeline.errors import EdgetallyError, SettingError
from pipeline.ingest.ingest import Ingest, Outcome
from pipeline.objects import ObjectRef
from pipeline.settings import load_settings

logger = Logger(service="ingest")
tracer = Tracer(service="ingest")
metrics = Metrics(service="ingest")


REPORT_SECONDS = 1.0
"""Seconds that are kept for reporting what became of the objects."""


class IngestFailed(EdgetallyError):
    """Objects of a direct event were not counted. The others were, and stay so on a retry."""


@cache
def configured() -> Ingest:
    """The ingest this function is configured for, made once. Raises SettingError."""
    settings = load_settings()
    return open_ingest(settings, open_store(settings))[0]


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Count what the event announces; report the messages that must be delivered again."""
    try:
        ingest = configured()
    except SettingError as error:
        logger.error("nothing is counted until this is mended: %s", error)
        metrics.add_metric("misconfigured", MetricUnit.Count, 1)
        raise
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - REPORT_SECONDS)
    if is_batch(event):
        return _batch(event, ingest, deadline)
    messages = announced(event)
    refs = [ref for message in messages for ref in message.refs]
    outcomes = iter(ingest(refs, deadline=deadline))
    by_message = [(message, [next(outcomes) for _ in message.refs]) for message in messages]
    _report([outcome for _, group in by_message for outcome in group])
    failed = [
        (message, reasons) for message, group in by_message if (reasons := _why(message, group))
    ]
    for message, reasons in failed:
        logger.warning(
            "not counted: %s", "; ".join(reasons), extra={"message_id": message.message_id}
        )
    if any(message.message_id is None for message, _ in failed):
        raise IngestFailed("; ".join(failed[0][1]))
    return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message, _ in failed]}


def _batch(event: dict[str, Any], ingest: Ingest, deadline: Deadline) -> dict[str, Any]:
    """Count the tasks of S3 Batch Operations, which retries those that failed for a while."""
    found = batch_refs(event)
    outcomes = ingest([ref for ref in found if isinstance(ref, ObjectRef)], deadline=deadline)
    _report(outcomes)
    remaining = iter(outcomes)
    return batch_answer(
        event, [next(remaining) if isinstance(each, ObjectRef) else each for each in found]
    )


def _why(message: Announced, outcomes: list[Outcome]) -> list[str]:
    """Why a message must be delivered again; empty when it need not."""
    undone = [each for each in outcomes if each.state in ("failed", "postponed")]
    reasons = [f"{each.ref.name}: {each.reason}" for each in undone]
    return [message.problem, *reasons] if message.problem else reasons


def _report(outcomes: list[Outcome]) -> None:
    states = Counter(outcome.state for outcome in outcomes)
    metrics.add_metric("objects", MetricUnit.Count, len(outcomes))
    metrics.add_metric("records", MetricUnit.Count, sum(each.records for each in outcomes))
    for name, value in {
        "rejected": sum(sum(outcome.rejected.values()) for outcome in outcomes),
        "duplicates": states["duplicate"],
        "conflicts": states["conflict"],
        "failures": states["failed"],
        "postponed": states["postponed"],
    }.items():
        if value:  # a metric is paid for in the hours in which it is sent
            metrics.add_metric(name, MetricUnit.Count, value)
    for outcome in outcomes:
        if outcome.state == "conflict":
            logger.warning("%s: %s", outcome.ref.name, outcome.reason)
        if outcome.error is not None and not isinstance(outcome.error, EdgetallyError):
            logger.error("%s: %s", outcome.ref.name, outcome.reason, exc_info=outcome.error)
