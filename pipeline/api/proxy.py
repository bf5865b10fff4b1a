"""Requests and responses as API Gateway's proxy integration has them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from pipeline.api.problems import MEDIA_TYPE, Problem

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
NO_STORE = {"Cache-Control": "no-store"}


class Response(NamedTuple):
    """A response; its body is text."""

    status: HTTPStatus
    body: bytes
    headers: Mapping[str, str]


def headers_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a request, their names in lower case."""
    headers = event.get("headers")
    if not isinstance(headers, Mapping):
        return {}
    return {
        name.lower(): value
        for name, value in headers.items()
        if isinstance(name, str) and isinstance(value, str)
    }


def query_of(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """The query's parameters, each with all its values. Raises Problem if it is no query."""
    query = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters")
    if not isinstance(query or {}, Mapping):
        raise Problem(HTTPStatus.BAD_REQUEST, "the event's query is no query")
    parameters: dict[str, list[str]] = {}
    for name, values in (query or {}).items():
        values = values if isinstance(values, list) else [values]
        if not isinstance(name, str) or not all(isinstance(value, str) for value in values):
            raise Problem(HTTPStatus.BAD_REQUEST, "the event's query is no query")
        parameters[name] = values
    return parameters


def matches(wanted: str, etag: str) -> bool:
    """Whether a header `If-None-Match` names an entity (RFC 9110, 13.1.2; weakly compared)."""
    names = {name.strip().removeprefix("W/") for name in wanted.split(",")}
    return etag.removeprefix("W/") in names or "*" in names


def problem_response(problem: Problem) -> Response:
    """The response that says what cannot be answered."""
    headers = {**NO_STORE, **problem.headers, "Content-Type": MEDIA_TYPE}
    return Response(problem.status, problem.document(), headers)


def proxy_response(response: Response, more: Mapping[str, str]) -> dict[str, Any]:
    """The response as the gateway takes it, with headers that every answer has, and `more`."""
    headers = {**_SAFE, **response.headers}
    vary = [part["Vary"] for part in (response.headers, more) if "Vary" in part]
    headers |= {**more, **({"Vary": ", ".join(vary)} if vary else {})}
    return {
        "statusCode": response.status.value,
        "headers": headers,
        "body": response.body.decode(),
        "isBase64Encoded": False,
    }
