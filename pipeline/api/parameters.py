"""The parameters of the routes: their meaning, the values allowed, and how their text is read.

One table for the requests, for the OpenAPI document and for `/metrics/settings`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.answer.calendar import BUCKETS, COMPARISONS, NAMED_WINDOWS, UnknownZone, zone_named
from pipeline.answer.metrics import DEFAULT_METRICS, METRICS, RANKED
from pipeline.answer.overview import DEFAULT_RANKING, Filter, Listing
from pipeline.api.problems import refused
from pipeline.schema.dimensions import DIMENSIONS

Schema = dict[str, Any]

MOST_DAYS = 400
"""The longest window, in days."""
MOST_REQUESTS = 999_999_999
DEFAULT_LIMIT, MOST_ENTRIES = 20, 200
"""Entries of a page."""

LATEST = 253_370_764_800
"""9999-01-01 in epoch seconds; calendars end a year later."""
_EPOCH_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):([0-5]\d|60)(?:\.(\d{1,12}))?(?:[Zz]|([+\- ])(\d\d:\d\d))",
    re.ASCII,
)
_COUNT = re.compile(r"[1-9][0-9]{0,2}")
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


def _moment(name: str) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        seconds = _epoch_seconds(text)
        if seconds is not None and 0 <= seconds < LATEST:
            return datetime.fromtimestamp(seconds, UTC)
        raise refused(
            "bad-value",
            name,
            "a time is RFC 3339 with its offset, such as 2026-11-01T00:00:00Z, or epoch seconds, "
            "from 1970 to 9998",
            limit={"minimum": "1970-01-01T00:00:00Z", "below": "9999-01-01T00:00:00Z"},
        )

    return read


def _epoch_seconds(text: str) -> float | None:
    """The moment of a text; None if it is none."""
    if _EPOCH_SECONDS.fullmatch(text):
        return float(text)
    try:
        return _rfc_3339(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _rfc_3339(text: str) -> datetime:
    """The moment of a text; a `+` that came as a space, as it does in an unescaped query, is meant
    to be one. Raises ValueError."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError("no RFC 3339")
    day, minute, second, fraction, sign, offset = match.groups()
    leap = second == "60"  # the second after is as near as a clock without leap seconds comes
    micros = (fraction or "0")[:6].ljust(6, "0")
    zone = f"{'-' if sign == '-' else '+'}{offset}" if offset else "+00:00"
    moment = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second}.{micros}{zone}")
    return moment + timedelta(seconds=1) if leap else moment


def _one_of(name: str, allowed: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise refused("bad-value", name, "it must be one of those allowed", allowed=[*allowed])
        return text

    return read


def _zone(text: str) -> str:
    try:
        zone_named(text)
    except UnknownZone:
        raise refused(
            "bad-value", "tz", "it must be the name of an IANA time zone, such as Europe/London"
        ) from None
    return text


def _limit(text: str) -> int:
    if not _COUNT.fullmatch(text) or int(text) > MOST_ENTRIES:
        raise refused(
            "bad-value",
            "limit",
            f"it must be a whole number from 1 to {MOST_ENTRIES}",
            limit={"minimum": 1, "maximum": MOST_ENTRIES},
        )
    return int(text)


def _min_requests(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise refused(
            "bad-value",
            "min_requests",
            f"it must be a whole number from 1 to {MOST_REQUESTS}",
            limit={"minimum": 1, "maximum": MOST_REQUESTS},
        )
    return int(text)


def _listing(text: str) -> Listing:
    dimension, _, metric = text.partition(":")
    metric = metric or DEFAULT_RANKING.get(dimension, "requests")
    if dimension not in DIMENSIONS or metric not in RANKED:
        raise refused(
            "bad-value",
            "lists",
            "it must be a dimension, or one with a metric behind a colon",
            allowed=[*DIMENSIONS, *RANKED],
        )
    return Listing(dimension, metric)


def _where(text: str) -> Filter:
    dimension, colon, value = text.partition(":")
    if dimension not in DIMENSIONS or not colon:
        raise refused(
            "bad-value",
            "where",
            "it must be a dimension, a colon and a value",
            allowed=[*DIMENSIONS],
        )
    return Filter(dimension, value)


def _matching(name: str, kind: str, pattern: str, detail: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise refused(kind, name, detail)
        return text

    return read


def _choice(name: str, allowed: Sequence[str]) -> tuple[Schema, Callable[[str], str]]:
    return {"type": "string", "enum": [*allowed]}, _one_of(name, allowed)


def _times(name: str, text: str, example: str) -> Parameter:
    schema = {
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "minimum": 0, "maximum": LATEST - 1},
        ]
    }
    return Parameter(name, text, schema, _moment(name), example)


FROM = _times("from", "First moment of the window, inclusive.", "2026-11-01T00:00:00Z")
TO = _times(
    "to",
    "End of the window, exclusive; now, where only `from` is given.",
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
    "IANA time zone of days, weeks, months and named windows, and of the times in the answer.",
    {"type": "string", "default": "UTC", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$"},
    _zone,
    "Europe/London",
    default="UTC",
)
SITE = Parameter(
    "site",
    "Only these sites; all where none is given. Repeated, or several between commas.",
    {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{_SITE}$"}},
    _matching("site", "bad-value", _SITE, "it must be the name of a site: see /metrics/sites"),
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
    _one_of("metrics", [*METRICS]),
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
    {"type": "integer", "minimum": 1, "maximum": MOST_ENTRIES, "default": DEFAULT_LIMIT},
    _limit,
    20,
    default=DEFAULT_LIMIT,
)
MIN_REQUESTS = Parameter(
    "min_requests",
    "Only values with so many requests: the slowest path would be one that was asked for once.",
    {"type": "integer", "minimum": 1, "maximum": MOST_REQUESTS, "default": 1},
    _min_requests,
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
    _listing,
    ["path:misses", "country"],
    many=True,
)
WHERE = Parameter(
    "where",
    "Only requests with this value of a dimension (`country:DE`). Figures that are not kept by "
    "that dimension are null, and other dimensions are not listed.",
    {"type": "string", "pattern": f"^({'|'.join(DIMENSIONS)}):"},
    _where,
    None,
)
CURSOR = Parameter(
    "cursor",
    "The `next_cursor` of the page before. It holds the window: all pages are of the same hours.",
    {"type": "string", "pattern": f"^{_CURSOR}$"},
    _matching("cursor", "bad-cursor", _CURSOR, "it must be the next_cursor of the page before"),
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
