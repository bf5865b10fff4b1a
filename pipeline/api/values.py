"""How the text of a parameter becomes a value. Each reader raises Problem for any other text."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

from pipeline.answer.calendar import UnknownZone, zone_named
from pipeline.answer.metrics import RANKED
from pipeline.answer.overview import DEFAULT_RANKING, Filter, Listing
from pipeline.api.problems import Problem, refused
from pipeline.schema.dimensions import DIMENSIONS

MOST_REQUESTS = 999_999_999
MOST_ENTRIES = 200
"""Entries of a page."""

LATEST = 253_370_764_800
"""9999-01-01 in epoch seconds; calendars end a year later."""
_EPOCH_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):([0-5]\d|60)(?:\.(\d{1,12}))?(?:[Zz]|([+\- ])(\d\d:\d\d))",
    re.ASCII,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


def moment(name: str) -> Callable[[str], date]:
    """A reader of moments: RFC 3339 with an offset, or epoch seconds; and of days, which stay
    days until their zone is known."""

    def read(text: str) -> date:
        seconds = epoch_seconds(text)
        if seconds is not None and 0 <= seconds < LATEST:
            return datetime.fromtimestamp(seconds, UTC)
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass  # a day that no calendar has
        raise _no_time(name)

    return read


def first_moment(name: str, at: date | None, zone: tzinfo) -> datetime | None:
    """The moment of a parameter's value: of a day its first one in the zone. Raises Problem."""
    if at is None or isinstance(at, datetime):
        return at
    moment = datetime(at.year, at.month, at.day, tzinfo=zone)
    try:
        if 0 <= moment.timestamp() < LATEST:
            return moment
    except OverflowError:
        pass  # before the first day that a zone can tell
    raise _no_time(name)


def _no_time(name: str) -> Problem:
    return refused(
        "bad-value",
        name,
        "a time is a day of the zone tz, such as 2026-11-01, RFC 3339 with its offset, such as "
        "2026-11-01T00:00:00Z, or epoch seconds, from 1970 to 9998",
        limit={"minimum": "1970-01-01T00:00:00Z", "below": "9999-01-01T00:00:00Z"},
    )


def epoch_seconds(text: str) -> float | None:
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


def one_of(name: str, allowed: Sequence[str]) -> Callable[[str], str]:
    """A reader of a fixed set of values."""

    def read(text: str) -> str:
        if text not in allowed:
            raise refused("bad-value", name, "it must be one of those allowed", allowed=[*allowed])
        return text

    return read


def zone(text: str) -> str:
    """The name of an IANA time zone."""

    try:
        zone_named(text)
    except UnknownZone:
        raise refused(
            "bad-value", "tz", "it must be the name of an IANA time zone, such as Europe/London"
        ) from None
    return text


def whole(name: str, most: int) -> Callable[[str], int]:
    """A reader of whole numbers from 1 to `most`."""

    def read(text: str) -> int:
        if not _COUNT.fullmatch(text) or int(text) > most:
            raise refused(
                "bad-value",
                name,
                f"it must be a whole number from 1 to {most}",
                limit={"minimum": 1, "maximum": most},
            )
        return int(text)

    return read


def listing(text: str) -> Listing:
    """A dimension and the metric that ranks its values: `path:misses`, or `path`."""

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


def where(text: str) -> Filter:
    """A value of a dimension: `country:DE`."""

    dimension, colon, value = text.partition(":")
    if dimension not in DIMENSIONS or not colon:
        raise refused(
            "bad-value",
            "where",
            "it must be a dimension, a colon and a value",
            allowed=[*DIMENSIONS],
        )
    return Filter(dimension, value)


def matching(name: str, kind: str, pattern: str, detail: str) -> Callable[[str], str]:
    """A reader of texts that match a pattern; others are a problem of this kind."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise refused(kind, name, detail)
        return text

    return read
