"""The function behind API Gateway that serves the summaries."""

from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.api import Api, problem
from pipeline.bootstrap import open_snapshots, open_store
from pipeline.core.errors import SettingError, StoreError
from pipeline.settings import load_settings

logger = Logger(service="summaries")
tracer = Tracer(service="summaries")
metrics = Metrics(namespace="edgetally", service="summaries")


def _cache_failed(error: StoreError) -> None:
    logger.error("the summary cache failed: %s", error)
    metrics.add_metric("cache_failures", MetricUnit.Count, 1)


@cache
def configured() -> Api:
    """The API this function is configured for, made once. Raises SettingError and StoreError."""
    settings = load_settings()
    return Api(open_snapshots(settings, open_store(settings), _cache_failed))


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The answer to an API Gateway request."""
    metrics.add_metric("requests", MetricUnit.Count, 1)
    try:
        api = configured()
    except SettingError as error:
        logger.error("no summary is served until this is mended: %s", error)
        metrics.add_metric("misconfigured", MetricUnit.Count, 1)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "edgetally is not configured")
    return api(event, context)
