"""The routes: one line each, for requests, for the OpenAPI document and for the template's test."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from pipeline.api.parameters import (
    BY,
    COMPARE,
    CURSOR,
    DIMENSION,
    FROM,
    LIMIT,
    METRIC,
    METRICS_WANTED,
    SITE,
    TO,
    TZ,
    WINDOW,
    Parameter,
    format_parameter,
)

JSON, HTML = ("json",), ("html",)
_WINDOW = (FROM, TO, WINDOW, TZ, SITE, COMPARE)


class Route(NamedTuple):
    """A path, the operation's name, what it answers, its parameters and the formats it has."""

    path: str
    name: str
    text: str
    parameters: Sequence[Parameter] = ()
    formats: Sequence[str] = JSON


def _route(
    path: str, name: str, text: str, parameters: Sequence[Parameter], formats: Sequence[str]
) -> Route:
    return Route(path, name, text, (*parameters, format_parameter(formats)), formats)


ROUTES: dict[str, Route] = {
    route.path: route
    for route in (
        Route(
            "/metrics/snapshot",
            "snapshot",
            "The summary of the last hours, in the form of earlier collectors.",
        ),
        Route(
            "/metrics/snapshot/refresh",
            "refresh",
            "The same, computed anew if it is older than five seconds.",
        ),
        Route(
            "/metrics/cache-status", "cache_status", "Whether a snapshot is cached, and how old."
        ),
        Route("/metrics/health", "health", "Named checks, each with a figure and a sentence."),
        _route(
            "/metrics/summary",
            "summary",
            "The summary of a window.",
            _WINDOW,
            ("json", "csv", "ndjson", "openmetrics"),
        ),
        _route(
            "/metrics/timeseries",
            "timeseries",
            "Metrics of a window by the hour, day, week or month; every bucket is there.",
            (*_WINDOW, BY, METRICS_WANTED),
            ("json", "csv", "ndjson", "openmetrics"),
        ),
        _route(
            "/metrics/top/{dimension}",
            "top",
            "The values of a dimension, ranked by a metric, a page at a time.",
            (DIMENSION, *_WINDOW, METRIC, LIMIT, CURSOR),
            ("json", "csv", "ndjson"),
        ),
        _route(
            "/metrics/sites",
            "sites",
            "Every site of which something was counted.",
            (),
            ("json", "csv", "ndjson"),
        ),
        Route(
            "/metrics/settings",
            "settings",
            "Dimensions, metrics with their units, limits, retention, error bounds, defaults.",
        ),
        Route("/metrics/openapi.json", "openapi", "This document."),
        Route("/metrics/docs", "docs", "This document as a page to read.", (), HTML),
    )
}
"""Every route by its path."""

_TOP = ROUTES["/metrics/top/{dimension}"]
_ABOVE_TOP = "/metrics/top/"


def find_route(path: str, event: Mapping[str, Any]) -> tuple[Route | None, dict[str, list[str]]]:
    """The route of a request, and its parameters that are in the path.

    API Gateway says which `resource` it took, which is right behind a custom domain too, where the
    path has another beginning.
    """
    if event.get("resource") == _TOP.path and isinstance(event.get("pathParameters"), Mapping):
        return _TOP, {DIMENSION.name: [str(event["pathParameters"].get(DIMENSION.name))]}
    if isinstance(route := event.get("resource"), str) and route in ROUTES:
        return ROUTES[route], {}
    if isinstance(rest := (event.get("pathParameters") or {}), Mapping) and "proxy" in rest:
        path = f"/{rest['proxy']}"  # what the greedy path took
    dimension = path.removeprefix(_ABOVE_TOP)
    if dimension != path and dimension and "/" not in dimension:
        return _TOP, {DIMENSION.name: [unquote(dimension)]}
    return (None if path == _TOP.path else ROUTES.get(path)), {}
