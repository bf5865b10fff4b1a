"""Proxy events of API Gateway → proxy responses: the function behind the gateway and
`edgetally serve` run this same code.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pipeline.answer.service import Service
from pipeline.api.parameters import read_parameters
from pipeline.api.problems import Problem, problem_of
from pipeline.api.proxy import (
    NO_STORE,
    Response,
    headers_of,
    problem_response,
    proxy_response,
    query_of,
)
from pipeline.api.route import Request, format_of
from pipeline.api.routes import ROUTES, find_route
from pipeline.deadline import NEVER, Deadline

_MARGIN_SECONDS = 2.0
"""Seconds of a function's time that are left when reading ends, for the answer that says so."""


class Api:
    """Answers API Gateway proxy events (REST, payload 1.0) with proxy responses.

    `origins` are those whose pages may read the answers.
    """

    def __init__(self, service: Service, origins: Sequence[str] = ()) -> None:
        self.service = service
        self._origins = frozenset(origins)

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """The proxy response to an event; a problem document if it cannot be answered."""
        event = event if isinstance(event, Mapping) else {}
        headers = headers_of(event)
        try:
            response = self._response(event, headers, context)
        except Exception as error:
            response = problem_response(problem_of(error))
        if event.get("httpMethod") == "HEAD":
            response = response._replace(body=b"")
        return proxy_response(response, self._cors(headers.get("origin")))

    def _response(
        self, event: Mapping[str, Any], headers: Mapping[str, str], context: Any
    ) -> Response:
        method, path = event.get("httpMethod"), event.get("path")
        if not isinstance(method, str) or not isinstance(path, str):
            raise Problem(HTTPStatus.BAD_REQUEST, "the event is no API Gateway proxy request")
        route, in_path = find_route(path, event)
        if route is None:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such route", allowed=sorted(ROUTES))
        if method == "OPTIONS" and headers.get("origin") in self._origins:
            return Response(HTTPStatus.NO_CONTENT, b"", NO_STORE)
        if method not in ("GET", "HEAD"):
            allow = {"Allow": "GET, HEAD"}
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "every route is a GET", headers=allow)
        values = read_parameters(route.parameters, query_of(event) | in_path)
        form = format_of(route, values, headers.get("accept", ""))
        request = Request(route, ROUTES, values, headers, form, deadline_of(context))
        return route.respond(self.service, request)

    def _cors(self, origin: str | None) -> dict[str, str]:
        if not self._origins:
            return {}
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin or "",
            "Access-Control-Allow-Methods": "GET, HEAD",
            "Access-Control-Allow-Headers": "Authorization, If-None-Match",
            "Access-Control-Expose-Headers": "Edgetally-Changed, ETag, Link, Retry-After",
            "Access-Control-Max-Age": "3600",
        }


def not_configured() -> dict[str, Any]:
    """The proxy response of a function whose settings are missing."""
    detail = "edgetally is not configured; its log says what is missing"
    headers = {"Retry-After": "60"}
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)
    return proxy_response(problem_response(problem), {})


def without_credentials() -> dict[str, Any]:
    """The proxy response to a request that does not have the secret."""
    detail = "send the API secret, as the password of Basic or as Bearer"
    headers = {"WWW-Authenticate": 'Basic realm="edgetally", charset="UTF-8"'}
    problem = Problem(HTTPStatus.UNAUTHORIZED, detail, headers=headers)
    return proxy_response(problem_response(problem), {})


def other_host() -> dict[str, Any]:
    """The proxy response to a request for a host that is not served here."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    detail = f"this server is for its own machine alone, by the names {', '.join(names)}"
    problem = Problem(HTTPStatus.MISDIRECTED_REQUEST, detail, allowed=names)
    return proxy_response(problem_response(problem), {})


def deadline_of(context: Any) -> Deadline:
    """The moment by which a function must answer."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return NEVER
    return Deadline.after(remaining() / 1000 - _MARGIN_SECONDS)
