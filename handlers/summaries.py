"""The function behind API Gateway that serves the summaries.

Somebody waits while it starts. Like all the functions it does without the X-Ray SDK, which takes
longer to import than all the rest (docs/architecture.md): Lambda traces them by itself. The page,
and Secrets Manager, are imported by those who ask for the page.
"""

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.api.app import Api, not_configured
from pipeline.bootstrap import open_service, open_store
from pipeline.errors import EdgetallyError, SettingError
from pipeline.page.place import place_of
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from pipeline.page.door import Door

REFUSAL_SECONDS = 1
"""How long a wrong secret waits for its answer. The gateway lets few of them through at once."""

logger = Logger(service="summaries")
metrics = Metrics(service="summaries")


def _failed(error: EdgetallyError) -> None:
    logger.error("the cache or a queue failed: %s", error)
    metrics.add_metric("cache_failures", MetricUnit.Count, 1)


def _refused() -> None:
    """Tell of a wrong secret, without the viewer's address, and slow the next try down."""
    logger.warning("a login was refused: it was not the secret")
    metrics.add_metric("logins_refused", MetricUnit.Count, 1)
    time.sleep(REFUSAL_SECONDS)


@cache
def configured() -> Api:
    """The API this function is configured for, made once. Raises SettingError and StoreError."""
    settings = load_settings()
    return Api(open_service(settings, open_store(settings), _failed), settings.origins)


@cache
def page() -> "Door":
    """The page in front of the API, made once. Raises SettingError and StoreError."""
    from handlers.secret import credentials
    from pipeline.page.door import Door
    from pipeline.page.login import Login

    load_settings(require="api_secret")
    api = configured()
    return Door(api.service, api, Login(credentials, api.service.clock, _refused))


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The answer to an API Gateway request."""
    metrics.add_metric("requests", MetricUnit.Count, 1)
    try:
        answer = page() if place_of(event) else configured()
    except SettingError as error:
        logger.error("no summary is served until this is mended: %s", error)
        metrics.add_metric("misconfigured", MetricUnit.Count, 1)
        return not_configured()
    return answer(event, context)
