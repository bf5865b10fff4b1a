"""The function that counts new log objects. A failed message stays in its queue; an event that
came directly fails as a whole, for Lambda to retry and then to hand to the dead-letter queue."""

from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.events import Announced, announced
from pipeline.bootstrap import open_ingest, open_store
from pipeline.core.errors import EdgetallyError, SettingError
from pipeline.ingest import Ingest, Outcome
from pipeline.settings import load_settings

logger = Logger(service="ingest")
tracer = Tracer(service="ingest")
metrics = Metrics(namespace="edgetally", service="ingest")


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
    messages = announced(event)
    outcomes = iter(ingest([ref for message in messages for ref in message.refs]))
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


def _why(message: Announced, outcomes: list[Outcome]) -> list[str]:
    """Why a message must be delivered again; empty when it need not."""
    reasons = [f"{each.ref.name}: {each.reason}" for each in outcomes if each.state == "failed"]
    return [message.problem, *reasons] if message.problem else reasons


def _report(outcomes: list[Outcome]) -> None:
    states = Counter(outcome.state for outcome in outcomes)
    rejected = sum(sum(outcome.rejected.values()) for outcome in outcomes)
    for name, value in {
        "objects": len(outcomes),
        "records": sum(outcome.records for outcome in outcomes),
        "rejected": rejected,
        "duplicates": states["duplicate"],
        "conflicts": states["conflict"],
        "failures": states["failed"],
    }.items():
        metrics.add_metric(name, MetricUnit.Count, value)
    for outcome in outcomes:
        if outcome.state == "conflict":
            logger.warning("%s: %s", outcome.ref.name, outcome.reason)
        if outcome.error is not None and not isinstance(outcome.error, EdgetallyError):
            logger.error("%s: %s", outcome.ref.name, outcome.reason, exc_info=outcome.error)
