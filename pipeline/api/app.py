"""Proxy events of API Gateway → proxy responses: the function behind the gateway and
`edgetally serve` run this same code.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from pipeline.answer.question import Asked
from pipeline.answer.service import Service
from pipeline.api import render as formats
from pipeline.api.parameters import read_parameters
from pipeline.api.problems import Problem, problem_of, refused
from pipeline.api.proxy import (
    NO_STORE,
    Response,
    headers_of,
    matches,
    problem_response,
    proxy_response,
    query_of,
)
from pipeline.api.questions import summary_asked, timeseries_asked, top_asked
from pipeline.api.routes import ROUTES, Route, find_route
from pipeline.deadline import NEVER, Deadline

_MARGIN_SECONDS = 2.0
"""What is left of a function's time when reading ends, for the answer that says so."""
_SETTINGS_SECONDS = 300


class Request(NamedTuple):
    """What a request says, with header names in lower case."""

    route: Route
    values: Mapping[str, Any]
    headers: Mapping[str, str]
    deadline: Deadline

    @property
    def format(self) -> str:
        """The format that is wanted. Raises Problem."""
        named = self.values.get("format")
        if self.values.get("compare"):
            if named not in (None, "json"):
                raise refused("conflicting-parameters", "compare", "it needs format=json")
            return "json"
        accept = self.headers.get("accept", "")
        return named or formats.preferred(accept, self.route.formats)


class Api:
    """Answers API Gateway proxy events (REST, payload 1.0) with proxy responses.

    `origins` are those whose pages may read the answers.
    """

    def __init__(self, service: Service, origins: Sequence[str] = ()) -> None:
        self._service = service
        self._origins = frozenset(origins)
        self._answers: dict[str, Callable[[Request], Response]] = {
            "summary": self._data,
            "timeseries": self._data,
            "top": self._data,
            "sites": self._sites,
            "settings": self._settings,
            "snapshot": lambda _: _old(service.snapshots.snapshot()),
            "refresh": lambda _: _old(service.snapshots.refresh()),
            "cache_status": lambda _: _old(msgspec.json.encode(service.snapshots.cache_status())),
            "health": lambda _: _old(msgspec.json.encode(service.health.health())),
            "openapi": _openapi,
            "docs": _docs,
        }

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """The proxy response to an event; a problem document for whatever cannot be answered."""
        event = event if isinstance(event, Mapping) else {}
        headers = headers_of(event)
        try:
            response = self._response(event, headers, context)
        except Exception as error:
            response = problem_response(problem_of(error))
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
        if method != "GET":
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "every route is GET only", headers={"Allow": "GET"}
            )
        values = read_parameters(route.parameters, query_of(event) | in_path)
        request = Request(route, values, headers, _deadline(context))
        return self._answers[route.name](request)

    def _data(self, request: Request) -> Response:
        """The three routes about windows: `meta`, and what was asked for."""
        ask = {"summary": summary_asked, "timeseries": timeseries_asked, "top": top_asked}
        form = request.format
        asked: Asked = ask[request.route.name](request.values, self._service.clock())
        given = self._service.traffic.answer(asked, request.deadline)
        left = max(0, int(self._service.traffic.answers.ttl_seconds - given.age_seconds))
        headers = {
            "ETag": f'"{given.answer.etag}-{form}"',
            "Cache-Control": f"private, max-age={0 if given.stale else left}",
            "Vary": "Accept, Authorization",
        }
        if matches(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(HTTPStatus.NOT_MODIFIED, b"", headers)
        meta, rest = given.answer.body.split(b"\n", 1)
        if form == "json":
            flags = b',"cached":%s,"stale":%s},' % (_flag(given.cached), _flag(given.stale))
            return _ok(b'{"meta":' + meta[:-1] + flags + rest[1:], form, headers)
        said = msgspec.json.decode(rest)
        if said["next_cursor"]:
            headers["Link"] = f'<{_next_page(request, said["next_cursor"])}>; rel="next"'
        return _ok(_in_form(form, request.route.name, said["data"]), form, headers)

    def _sites(self, request: Request) -> Response:
        form = request.format
        data = self._service.traffic.sites()
        body = self._enveloped(data) if form == "json" else _in_form(form, "sites", data)
        return _ok(body, form, {"Cache-Control": "private, max-age=60", "Vary": "Accept"})

    def _settings(self, request: Request) -> Response:
        from pipeline.api.settings import described

        data = described(self._service)
        return _lasting(request, self._enveloped(data), "json", msgspec.json.encode(data))

    def _enveloped(self, data: Any) -> bytes:
        """Data that is of no window, in the envelope of all others."""
        now = self._service.clock().isoformat(timespec="seconds").replace("+00:00", "Z")
        meta: dict[str, Any] = {
            "query": {},
            "generated_at": now,
            "complete_through": None,
            "approximate": {},
            "sampling": {},
            "cached": False,
            "stale": False,
        }
        return msgspec.json.encode({"meta": meta, "data": data, "next_cursor": None})

    def _cors(self, origin: str | None) -> dict[str, str]:
        if not self._origins:
            return {}
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin or "",
            "Access-Control-Allow-Methods": "GET",
            "Access-Control-Allow-Headers": "Authorization, If-None-Match",
            "Access-Control-Expose-Headers": "ETag, Link, Retry-After",
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


def _ok(body: bytes, form: str, headers: Mapping[str, str]) -> Response:
    return Response(HTTPStatus.OK, body, {**headers, "Content-Type": formats.MEDIA_TYPES[form]})


def _old(body: bytes) -> Response:
    return _ok(body, "json", NO_STORE)


def _lasting(request: Request, body: bytes, form: str, identity: bytes | None = None) -> Response:
    """An answer that only another version of edgetally, or other settings, change; `identity` is
    what of it that is, if not all."""
    etag = f'"{blake2b(identity or body, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={_SETTINGS_SECONDS}"}
    if matches(request.headers.get("if-none-match", ""), etag):
        return Response(HTTPStatus.NOT_MODIFIED, b"", headers)
    return _ok(body, form, headers)


def _openapi(request: Request) -> Response:
    from pipeline.api.docs.openapi import document

    return _lasting(request, msgspec.json.encode(document()), "json")


def _docs(request: Request) -> Response:
    from pipeline.api.docs.page import POLICY, page

    response = _lasting(request, page(), "html")
    return response._replace(headers={**response.headers, "Content-Security-Policy": POLICY})


def _in_form(form: str, route: str, data: Any) -> bytes:
    if form == "csv":
        return formats.as_csv(data).encode()
    if form == "ndjson":
        return formats.as_lines(data)
    if route == "timeseries":
        return formats.series_as_openmetrics(data).encode()
    return formats.summary_as_openmetrics(data).encode()


def _next_page(request: Request, cursor: str) -> str:
    """Where the next page is, relative to this one."""
    kept = [
        f"{name}={quote(','.join(value) if isinstance(value, tuple) else str(value))}"
        for name in ("tz", "site", "metric", "limit", "format")
        if (value := request.values.get(name)) is not None
    ]
    return "?" + "&".join((*kept, f"cursor={cursor}"))


def _flag(value: bool) -> bytes:
    return b"true" if value else b"false"


def _deadline(context: Any) -> Deadline:
    """The moment by which a function must answer."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return NEVER
    return Deadline.after(remaining() / 1000 - _MARGIN_SECONDS)
