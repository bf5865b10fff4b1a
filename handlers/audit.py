"""The function that checks by the hour how far the store is from what was delivered."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.answer.health import Findings
from pipeline.bootstrap import Sources, open_store
from pipeline.hours import Window
from pipeline.settings import Settings, load_settings
from pipeline.source.port import Listed
from pipeline.upkeep.audit import audit

logger = Logger(service="audit")
metrics = Metrics(service="audit")

_LOGGED = 20


def _listed(settings: Settings, bucket: str, window: Window) -> Iterator[Listed]:
    """The objects of the stack's own bucket, and of another that announces its objects to it."""
    sources = Sources(settings)
    yield from sources.list(bucket, "", window)
    if settings.existing_bucket:
        yield from sources.list(settings.existing_bucket, settings.existing_prefix, window)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Audit the last hours; one line in the log for each thing that is wrong, up to twenty."""
    settings = load_settings()
    bucket = load_settings(require="bucket").bucket
    now = datetime.now(UTC)
    window = Window.last_hours(settings.audit_hours, now)
    began = time.monotonic()
    store = open_store(settings)
    found = audit(
        store,
        window,
        now,
        _listed(settings, bucket, window),
    )
    figures = {
        "missing_objects": len(found.missing),
        "ledger_gap": found.ledger_gap,
        "oldest_unprocessed_seconds": found.oldest_unprocessed_seconds,
    }
    for name, value in figures.items():
        seconds = name.endswith("_seconds")
        metrics.add_metric(name, MetricUnit.Seconds if seconds else MetricUnit.Count, value)
    Findings(found.ledger_gap, len(found.missing)).keep(store)
    for problem in found.problems[:_LOGGED]:
        logger.warning("%s: %s: %s", problem.kind, problem.name, problem.detail)
    logger.info(
        "audited", extra=figures | {"objects": found.objects, "seconds": time.monotonic() - began}
    )
    return figures | {"objects": found.objects, "problems": len(found.problems)}
