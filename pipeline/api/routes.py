"""The routes: one table for requests, for the OpenAPI document and for the template's test."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pipeline.answer.health import HealthReport
from pipeline.answer.overview import OverviewAnswer
from pipeline.answer.ranking import TopAnswer
from pipeline.answer.snapshot import CacheStatus, Snapshot
from pipeline.answer.summary import SummaryAnswer
from pipeline.answer.timeseries import TimeseriesAnswer
from pipeline.answer.traffic import SitesAnswer
from pipeline.api import responses
from pipeline.api.parameters import (
    BY,
    COMPARE,
    CURSOR,
    DIMENSION,
    FROM,
    LIMIT,
    LISTS,
    METRIC,
    METRICS_WANTED,
    MIN_REQUESTS,
    SITE,
    TO,
    TZ,
    WHERE,
    WINDOW,
    format_parameter,
)
from pipeline.api.questions import (
    overview_question,
    summary_question,
    timeseries_question,
    top_question,
)
from pipeline.api.render import series_as_openmetrics, summary_as_openmetrics
from pipeline.api.route import Route
from pipeline.api.settings import SettingsAnswer

_WINDOW = (FROM, TO, WINDOW, TZ, SITE, COMPARE)


def _with_formats(route: Route, *formats: str) -> Route:
    parameters = (*route.parameters, format_parameter(formats))
    return route._replace(parameters=parameters, formats=formats)


ROUTES: dict[str, Route] = {
    route.path: route
    for route in (
        Route(
            "/metrics/snapshot",
            "snapshot",
            "The summary of the last hours, in the form of earlier collectors.",
            responses.snapshot,
            Snapshot,
        ),
        Route(
            "/metrics/snapshot/refresh",
            "refresh",
            "The same, computed again if it is older than five seconds.",
            responses.refresh,
            Snapshot,
        ),
        Route(
            "/metrics/cache-status",
            "cache_status",
            "Whether a snapshot is cached, and its age.",
            responses.cache_status,
            CacheStatus,
        ),
        Route(
            "/metrics/health",
            "health",
            "Named checks, each with a figure and a sentence.",
            responses.health,
            HealthReport,
        ),
        _with_formats(
            Route(
                "/metrics/summary",
                "summary",
                "The summary of a window.",
                responses.answering(summary_question, summary_as_openmetrics),
                SummaryAnswer,
                _WINDOW,
                tagged=True,
            ),
            *("json", "csv", "ndjson", "openmetrics"),
        ),
        _with_formats(
            Route(
                "/metrics/timeseries",
                "timeseries",
                "Metrics of a window by the hour, day, week or month; every bucket is there.",
                responses.answering(timeseries_question, series_as_openmetrics),
                TimeseriesAnswer,
                (*_WINDOW, BY, METRICS_WANTED),
                tagged=True,
            ),
            *("json", "csv", "ndjson", "openmetrics"),
        ),
        Route(
            "/metrics/overview",
            "overview",
            "Figures, series and the foremost values of several dimensions, in one answer.",
            responses.answering(overview_question),
            OverviewAnswer,
            (*_WINDOW, BY, LISTS, LIMIT, MIN_REQUESTS, WHERE),
            tagged=True,
        ),
        _with_formats(
            Route(
                "/metrics/top/{dimension}",
                "top",
                "The values of a dimension, ranked by a metric, a page at a time.",
                responses.answering(top_question),
                TopAnswer,
                (DIMENSION, *_WINDOW, METRIC, LIMIT, MIN_REQUESTS, CURSOR),
                tagged=True,
            ),
            *("json", "csv", "ndjson"),
        ),
        _with_formats(
            Route(
                "/metrics/sites",
                "sites",
                "Every site of which something was counted.",
                responses.sites,
                SitesAnswer,
            ),
            *("json", "csv", "ndjson"),
        ),
        Route(
            "/metrics/settings",
            "settings",
            "Dimensions, metrics with their units, limits, retention, error bounds, defaults.",
            responses.settings,
            SettingsAnswer,
            tagged=True,
        ),
        Route("/metrics/openapi.json", "openapi", "This document.", responses.openapi, tagged=True),
        Route(
            "/metrics/docs",
            "docs",
            "This document as a page to read.",
            responses.docs,
            formats=("html",),
            tagged=True,
        ),
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
