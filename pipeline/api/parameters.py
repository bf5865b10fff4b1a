"""The parameters of the routes: their meaning and the values allowed.

One table for the requests, for the OpenAPI document and for `/metrics/settings`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.answer.calendar import BUCKETS, COMPARISONS, NAMED_WINDOWS
from pipeline.answer.metrics import DEFAULT_METRICS, METRICS, RANKED
from pipeline.api import values
from pipeline.api.problems import refused
from pipeline.schema.dimensions import DIMENSIONS

Schema = dict[str, Any]

MOST_DAYS = 400
"""The longest window, in days."""
DEFAULT_LIMIT = 20
"""Entries of a page."""

_SITE = r"[^,\x00-\x20\x7f]{1,256}"  # (\s is not the same in every dialect)
_CURSOR = r"[A-Za-z0-9_-]{1,8000}"
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,40}")


@dataclass(frozen=True)
class Parameter:
    """A parameter: `read` makes a value of its text, or raises Problem. One with `many` takes
    several, repeated or between commas. `default` is its value if it is not given."""

    name: str
    text: str
    schema: Schema
    read: Callable[[str], Any]
    example: Any
    many: bool = False
    default: Any = None
    in_path: bool = False


def read_parameters(
    parameters: Sequence[Parameter], given: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The value of each parameter by its name. Raises Problem."""
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            raise refused(
                "unknown-parameter",
                name if _PLAIN_NAME.fullmatch(name) else None,
                "this route has no such parameter",
                allowed=sorted(known),
            )
    return {
        name: _read(parameter, given[name]) if name in given else parameter.default
        for name, parameter in known.items()
    }


def _read(parameter: Parameter, texts: Sequence[str]) -> Any:
    if parameter.many:
        values = [parameter.read(text) for texts in texts for text in texts.split(",")]
        return tuple(dict.fromkeys(values))
    if len(texts) > 1:
        raise refused("repeated-parameter", parameter.name, "it can be given only once")
    return parameter.read(texts[0])


def _choice(name: str, allowed: Sequence[str]) -> tuple[Schema, Callable[[str], str]]:
    return {"type": "string", "enum": [*allowed]}, values.one_of(name, allowed)


def _times(name: str, text: str, example: str) -> Parameter:
    schema = {
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "date"},
            {"type": "integer", "minimum": 0, "maximum": values.LATEST - 1},
        ]
    }
    return Parameter(name, text, schema, values.moment(name), example)


FROM = _times(
    "from",
    "First moment of the window, inclusive; a day is its first moment in the zone `tz`.",
    "2026-11-01T00:00:00Z",
)
TO = _times(
    "to",
    "End of the window, exclusive; now, where only `from` is given. A day is its first moment in "
    "the zone `tz`: it is not in the window.",
    "2026-11-08T00:00:00Z",
)
WINDOW = Parameter(
    "window",
    "The window by its name, instead of `from` and `to`; `24h` where neither is given.",
    *_choice("window", NAMED_WINDOWS),
    example=None,  # an example of every parameter together must be a request
)
TZ = Parameter(
    "tz",
    "IANA time zone of days, weeks, months and named windows, and of the times in the answer. "
    "Where it is half or a quarter of an hour off UTC, a time series has the zone's own hours and "
    "days, with requests, bytes and errors_5xx alone; other answers are of the full hours of UTC "
    "in which the window lies, and their times say so.",
    {"type": "string", "default": "UTC", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$"},
    values.zone,
    "Europe/London",
    default="UTC",
)
SITE = Parameter(
    "site",
    "Only these sites; all where none is given. Repeated, or several between commas.",
    {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{_SITE}$"}},
    values.matching(
        "site", "bad-value", _SITE, "it must be the name of a site: see /metrics/sites"
    ),
    ["E2EXAMPLE"],
    many=True,
)
COMPARE = Parameter(
    "compare",
    "Adds the same figures for the window before (`previous`) or for the same dates of the year "
    "before (`year`), and the change of each.",
    *_choice("compare", COMPARISONS),
    example="previous",
)
BY = Parameter(
    "by",
    "What the buckets are: hours, days, weeks (from Monday) or months.",
    *_choice("by", BUCKETS),
    example="day",
    default="hour",
)
METRICS_WANTED = Parameter(
    "metrics",
    "The metrics of each bucket, between commas: see /metrics/settings.",
    {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "enum": [*METRICS]},
        "default": [*DEFAULT_METRICS],
    },
    values.one_of("metrics", [*METRICS]),
    ["requests", "bytes"],
    many=True,
    default=tuple(DEFAULT_METRICS),
)
DIMENSION = Parameter(
    "dimension",
    "What the values are of.",
    *_choice("dimension", [*DIMENSIONS]),
    example="path",
    in_path=True,
)
METRIC = Parameter(
    "metric",
    "What the values are ranked by, most first.",
    *_choice("metric", [*RANKED]),
    example="requests",
    default="requests",
)
LIMIT = Parameter(
    "limit",
    "Entries of a page, at most.",
    {"type": "integer", "minimum": 1, "maximum": values.MOST_ENTRIES, "default": DEFAULT_LIMIT},
    values.whole("limit", values.MOST_ENTRIES),
    20,
    default=DEFAULT_LIMIT,
)
MIN_REQUESTS = Parameter(
    "min_requests",
    "Only values with so many requests: the slowest path would be one that was asked for once.",
    {"type": "integer", "minimum": 1, "maximum": values.MOST_REQUESTS, "default": 1},
    values.whole("min_requests", values.MOST_REQUESTS),
    10,
    default=1,
)
LISTS = Parameter(
    "lists",
    "The dimensions to list, each with the metric to rank it by (`path:misses`), between commas; "
    "every dimension by requests where none is given, and crawlers by bytes.",
    {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "string",
            "pattern": f"^({'|'.join(DIMENSIONS)})(:({'|'.join(RANKED)}))?$",
        },
    },
    values.listing,
    ["path:misses", "country"],
    many=True,
)
WHERE = Parameter(
    "where",
    "Only requests with this value of a dimension (`country:DE`). Figures that are not kept by "
    "that dimension are null, and other dimensions are not listed.",
    {"type": "string", "pattern": f"^({'|'.join(DIMENSIONS)}):"},
    values.where,
    None,
)
CURSOR = Parameter(
    "cursor",
    "The `next_cursor` of the page before. It holds the window: all pages are of the same hours. "
    "It is given with the same `metric`, `min_requests`, `site`, `tz` and `compare`; `limit` and "
    "`format` may be others, since they say how much of the ranking is sent, and how.",
    {"type": "string", "pattern": f"^{_CURSOR}$"},
    values.matching(
        "cursor", "bad-cursor", _CURSOR, "it must be the next_cursor of the page before"
    ),
    None,
)


def format_parameter(formats: Sequence[str]) -> Parameter:
    """The parameter that chooses one of these formats."""
    return Parameter(
        "format",
        "The form of the answer; it goes before the header `Accept`.",
        *_choice("format", formats),
        example="json",
    )


def with_default_shown(parameter: Parameter) -> Schema:
    """The schema of a parameter with its default, for programs that read it."""
    if parameter.default is None or "default" in parameter.schema:
        return parameter.schema
    return parameter.schema | {"default": parameter.default}
