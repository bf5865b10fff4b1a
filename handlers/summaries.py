"""The function behind API Gateway that serves the summaries.

Somebody waits while it starts, so it does without the X-Ray SDK, which takes longer to import than
all the rest (docs/architecture.md): Lambda traces the function by itself.
"""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.api.app import Api, not_configured
from pipeline.bootstrap import open_service, open_store
from pipeline.errors import EdgetallyError, SettingError
from pipeline.settings import load_settings

logger = Logger(service="summaries")
metrics = Metrics(service="summaries")


def _failed(error: EdgetallyError) -> None:
    logger.error("the cache or a queue failed: %s", error)
    metrics.add_metric("cache_failures", MetricUnit.Count, 1)


@cache
def configured() -> Api:
    """The API this function is configured for, made once. Raises SettingError and StoreError."""
    settings = load_settings()
    service = open_service(settings, open_store(settings), _failed)
    return Api(service, settings.origins)


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The answer to an API Gateway request."""
    metrics.add_metric("requests", MetricUnit.Count, 1)
    try:
        api = configured()
    except SettingError as error:
        logger.error("no summary is served until this is mended: %s", error)
        metrics.add_metric("misconfigured", MetricUnit.Count, 1)
        return not_configured()
    return api(event, context)
