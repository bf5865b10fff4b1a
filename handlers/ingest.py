"""The function that counts new log objects. A failed message stays in its queue; an event that
came directly fails as a whole, for Lambda to retry and then to hand to the dead-letter queue. S3
Batch Operations gets a result for each of its tasks."""

import traceback
from collections import Counter
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batch import batch_answer, batch_refs, is_batch
from handlers.events import Announced, announced
from pipeline.bootstrap import open_ingest, open_queue, open_store
from pipeline.deadline import Deadline
from pipeline.errors import EdgetallyError, OtherSettings, QueueError, SettingError
from pipeline.ingest.ingest import Ingest, Outcome
from pipeline.objects import ObjectRef
from pipeline.settings import load_settings
from pipeline.source.queue import Queue

logger = Logger(service="ingest")
metrics = Metrics(service="ingest")


REPORT_SECONDS = 1.0
"""Seconds that are kept for reporting what became of the objects."""


class IngestFailed(EdgetallyError):
    """Objects of a direct event were not counted. The others were, and stay so on a retry."""


@cache
def configured() -> Ingest:
    """The ingest this function is configured for, made once. Raises SettingError."""
    settings = load_settings()
    ingest = open_ingest(settings, open_store(settings))
    logger.info("plain lines are counted by the engine %s", ingest.reader.reading.engine)
    if not ingest.reader.reading.native:
        metrics.add_metric("arrow_engine", MetricUnit.Count, 1)
    return ingest


@cache
def own_queue() -> Queue | None:
    """The queue that feeds this function, or None if it is not configured."""
    settings = load_settings()
    return open_queue(settings.queue_url, settings) if settings.queue_url else None


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Count what the event announces; report the messages that must be delivered again."""
    try:
        ingest = configured()
    except (SettingError, OtherSettings) as error:
        logger.error("nothing is counted until this is mended: %s", error)
        metrics.add_metric("misconfigured", MetricUnit.Count, 1)
        raise
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - REPORT_SECONDS)
    if is_batch(event):
        return _batch(event, ingest, deadline)
    messages = announced(event)
    by_message = _count(messages, ingest, deadline)
    _report([outcome for outcomes in by_message for outcome in outcomes])
    sent_again = _send_unopened_again(messages, by_message)
    failed = [
        (message, reasons)
        for message, outcomes in zip(messages, by_message, strict=True)
        if (reasons := _why(message, outcomes, sent_again))
    ]
    for message, reasons in failed:
        logger.warning(
            "not counted: %s", "; ".join(reasons), extra={"message_id": message.message_id}
        )
    direct = [reasons for message, reasons in failed if message.message_id is None]
    if direct:
        raise IngestFailed("; ".join(direct[0]))
    return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message, _ in failed]}


def _count(messages: list[Announced], ingest: Ingest, deadline: Deadline) -> list[list[Outcome]]:
    """The outcomes of each message's objects. An object of a message that was received before is
    suspected of having ended the function then."""
    refs = [ref for message in messages for ref in message.refs]
    suspects = {ref for message in messages if message.receives > 1 for ref in message.refs}
    outcomes = iter(
        ingest(
            refs,
            deadline=deadline,
            suspects=suspects,
            before_alone=partial(
                _delete_done, [message for message in messages if message.receipt]
            ),
        )
    )
    return [[next(outcomes) for _ in message.refs] for message in messages]


def _delete_done(left: list[Announced], outcomes: Mapping[ObjectRef, Outcome]) -> None:
    """Delete the messages that need not be delivered again, and take them off those that are
    `left`. They would be delivered again if the function ended before it reports them."""
    receipts = {
        message.receipt
        for message in left
        if not message.problem
        and all(ref in outcomes and not outcomes[ref].comes_again for ref in message.refs)
    }
    try:
        if receipts and (queue := own_queue()):
            queue.delete(sorted(receipts))
            left[:] = [message for message in left if message.receipt not in receipts]
    except QueueError as error:
        logger.warning("messages that are done could not be deleted: %s", error)


def _send_unopened_again(
    messages: list[Announced], by_message: list[list[Outcome]]
) -> set[ObjectRef]:
    """Announce the objects that were never opened once more, so that the messages they came in
    need not be received again, which the queue counts; the objects that were announced.

    Nothing is announced if nothing else was done: such a message would go round for ever.
    """
    outcomes = [outcome for group in by_message for outcome in group]
    unopened = dict.fromkeys(
        outcome.ref
        for message, group in zip(messages, by_message, strict=True)
        for outcome in group
        if message.message_id is not None and not outcome.opened
    )
    if not unopened or not any(outcome.opened for outcome in outcomes):
        return set()
    try:
        if queue := own_queue():
            queue.send(list(unopened))
            return set(unopened)
    except QueueError as error:
        logger.warning("objects that were not opened could not be announced again: %s", error)
    return set()


def _batch(event: dict[str, Any], ingest: Ingest, deadline: Deadline) -> dict[str, Any]:
    """Count the tasks of S3 Batch Operations, which retries those that failed for a while."""
    refs = batch_refs(event)
    outcomes = ingest([ref for ref in refs if isinstance(ref, ObjectRef)], deadline=deadline)
    _report(outcomes)
    remaining = iter(outcomes)
    return batch_answer(
        event, [next(remaining) if isinstance(ref, ObjectRef) else ref for ref in refs]
    )


def _why(message: Announced, outcomes: list[Outcome], sent_again: set[ObjectRef]) -> list[str]:
    """Why a message must be delivered again; empty if it need not."""
    reasons = [
        f"{outcome.ref.name}: {outcome.reason}"
        for outcome in outcomes
        if outcome.comes_again and outcome.ref not in sent_again
    ]
    return [message.problem, *reasons] if message.problem else reasons


def _report(outcomes: list[Outcome]) -> None:
    states = Counter(outcome.state for outcome in outcomes)
    metrics.add_metric("objects", MetricUnit.Count, len(outcomes))
    metrics.add_metric("records", MetricUnit.Count, sum(each.records for each in outcomes))
    for name, value in {
        "rejected": sum(sum(outcome.rejected.values()) for outcome in outcomes),
        "duplicates": states["duplicate"],
        "expired": states["expired"],
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
            # Without the error's message, which may quote a line of the log.
            stack = "".join(traceback.format_tb(outcome.error.__traceback__))
            logger.error("%s: %s", outcome.ref.name, outcome.reason, extra={"stack": stack})
    if any(isinstance(outcome.error, OtherSettings) for outcome in outcomes):
        configured.cache_clear()  # they were changed: the next batch is read under the new ones
