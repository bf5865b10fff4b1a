"""The four routes, as a Powertools resolver: the Lambda behind API Gateway and `edgetally serve`
run this same code."""

import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from pipeline.core.errors import StoreError
from pipeline.query import Snapshots

logger = logging.getLogger(__name__)

ROUTES = (
    "/metrics/snapshot",
    "/metrics/snapshot/refresh",
    "/metrics/cache-status",
    "/metrics/health",
)

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Api:
    """Answers API Gateway proxy events (REST, payload 1.0) with proxy responses."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._resolver = APIGatewayRestResolver()
        answers = (snapshots.snapshot, snapshots.refresh, snapshots.cache_status, snapshots.health)
        for route, answer in zip(ROUTES, answers, strict=True):
            self._resolver.get(route)(_as_json(answer))
        self._resolver.not_found()(_unknown_route)
        self._resolver.exception_handler(StoreError)(_store_failed)

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """The proxy response to an event; a problem document for whatever cannot be answered."""
        method, path = event.get("httpMethod"), event.get("path")
        if not isinstance(method, str) or not isinstance(path, str):
            return problem(HTTPStatus.BAD_REQUEST, "the event is no API Gateway proxy request")
        if method != "GET":
            return problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "every route is GET only", {"Allow": "GET"}
            )
        try:
            return self._resolver.resolve({"headers": None, **event}, context)
        except Exception:
            logger.exception("a bug in edgetally: a request could not be answered")
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error on our side; it was logged")


def problem(
    status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A proxy response in the form of RFC 9457."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return {
        "statusCode": status.value,
        "headers": {**_HEADERS, **(headers or {}), "Content-Type": "application/problem+json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _as_json(answer: Callable[[], dict[str, Any]]) -> Callable[[], Response[str]]:
    def respond() -> Response[str]:
        return Response(
            status_code=HTTPStatus.OK,
            content_type="application/json",
            headers=dict(_HEADERS),
            body=json.dumps(answer()),
        )

    return respond


def _as_response(problem: dict[str, Any]) -> Response[str]:
    headers = dict(problem["headers"])
    return Response(
        problem["statusCode"], headers.pop("Content-Type"), problem["body"], headers=headers
    )


def _unknown_route(error: NotFoundError) -> Response[str]:
    return _as_response(
        problem(HTTPStatus.NOT_FOUND, f"no such route; there are {', '.join(ROUTES)}")
    )


def _store_failed(error: StoreError) -> Response[str]:
    logger.error("the store cannot be read: %s", error)
    detail = "the store cannot be read at the moment"
    return _as_response(problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"}))
