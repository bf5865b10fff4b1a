"""The page's address: all of its state, and the links that change one part of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.answer.calendar import COMPARISONS, NAMED_WINDOWS, zone_named
from pipeline.answer.overview import Filter
from pipeline.api.parameters import DIMENSION, METRIC, MOST_DAYS, SITE, TZ, WHERE, Parameter
from pipeline.api.problems import Problem, refused
from pipeline.api.values import one_of
from pipeline.hours import hour_start

DEFAULT_WINDOW = "24h"
ALL = "all"
"""The window of all that was counted, which the page alone knows: the last `MOST_DAYS` of it."""
NO_COMPARISON = "none"
_compare = one_of("compare", [*COMPARISONS, NO_COMPARISON])
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Address:
    """The state of the page: a window by its name, or days (the last one included); `paths` is the
    metric that ranks paths, `alone` the one dimension that is listed at length. `api_base` is in
    front of the API's own addresses; it is no state."""

    window: str | None = DEFAULT_WINDOW
    first: date | None = None
    last: date | None = None
    tz: str = "UTC"
    site: str | None = None
    compare: str = "previous"
    where: Filter | None = None
    paths: str = "requests"
    alone: str | None = None
    refresh: bool = True
    api_base: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Sequence[str]]) -> "Address":
        """The address of a query. Raises Problem."""
        given = {name: values[-1] for name, values in query.items() if values and values[-1]}
        first, last = _date("from", given), _date("to", given)
        window = given.get("window")
        if window and f"{first}.{last}" == given.get("was"):
            first = last = None  # the form's dates are those of the window it was shown with
        if first or last:
            window = None
        elif window not in (*NAMED_WINDOWS, ALL):
            window = _default(window)
        return cls(
            window,
            first or last,
            last or first,
            _read(TZ, given) or "UTC",
            _read(SITE, given),
            _compare(given.get("compare", "previous")),
            _read(WHERE, given),
            _read(METRIC, given, "paths") or "requests",
            _read(DIMENSION, given, "alone"),
            given.get("refresh") != "0",
        )

    @property
    def query(self) -> str:
        """The query of this address, without what is as it is by default."""
        state = {
            "window": self.window if self.window != DEFAULT_WINDOW else None,
            "from": self.first,
            "to": self.last,
            "tz": self.tz if self.tz != "UTC" else None,
            "site": self.site,
            "compare": self.compare if self.compare != "previous" else None,
            "where": ":".join(self.where) if self.where else None,
            "paths": self.paths if self.paths != "requests" else None,
            "alone": self.alone,
            "refresh": None if self.refresh else "0",
        }
        return urlencode(
            [(name, value) for name, value in state.items() if value is not None], quote_via=quote
        )

    def link(self, **changes: Any) -> str:
        """The address with some parts changed, relative to the page."""
        return f"?{replace(self, **changes).query}"

    def filtered(self, where: Filter) -> str:
        """The address with another filter, among all lists. (A page has hundreds of these.)"""
        pair = f"where={quote(':'.join(where), safe='')}"
        return f"?{self._unfiltered}&{pair}" if self._unfiltered else f"?{pair}"

    @cached_property
    def _unfiltered(self) -> str:
        return replace(self, where=None, alone=None).query

    def in_window(self, window: str) -> str:
        """The address with a named window."""
        return self.link(window=window, first=None, last=None)

    def of_hours(self, start: int, end: int) -> "Address":
        """The address with the days of these hours (since the epoch), the last `MOST_DAYS`."""
        zone = zone_named(self.tz)
        last = hour_start(end - 1).astimezone(zone).date()
        first = max(hour_start(start).astimezone(zone).date(), last - timedelta(days=MOST_DAYS - 1))
        return replace(self, window=None, first=first, last=last)

    def values(self) -> dict[str, Any]:
        """The state as the values of the API's parameters."""
        return {
            "window": self.window,
            "from": self.first,
            "to": self.last and self.last + timedelta(days=1),  # exclusive there
            "tz": self.tz,
            "site": (self.site,) if self.site else None,
            "compare": None if self.compare == NO_COMPARISON else self.compare,
        }

    def api(self, route: str, more: Mapping[str, str] = NOTHING, compares: bool = False) -> str:
        """The address of the same window and site in the API, relative to the page."""
        values = self.values()
        pairs = {
            "window": self.window,
            "from": values["from"],
            "to": values["to"],
            "tz": self.tz if self.tz != "UTC" else None,
            "site": self.site,
            "compare": values["compare"] if compares else None,
            **more,
        }
        query = urlencode(
            [(name, value) for name, value in pairs.items() if value], quote_via=quote
        )
        return f"{self.api_base}metrics/{route}?{query}"


def _default(window: str | None) -> str:
    if window is not None:
        raise refused(
            "bad-value", "window", "it must be one of those allowed", allowed=[*NAMED_WINDOWS, ALL]
        )
    return DEFAULT_WINDOW


def _read(parameter: Parameter, given: Mapping[str, str], name: str | None = None) -> Any:
    """The value of a parameter, which may have a name of its own here."""
    name = name or parameter.name
    try:
        return parameter.read(given[name]) if name in given else None
    except Problem as problem:
        raise replace(problem, param=name) from None


def _date(name: str, given: Mapping[str, str]) -> date | None:
    if name not in given:
        return None
    try:
        day = date.fromisoformat(given[name])
    except ValueError:
        raise refused(
            "bad-value",
            name,
            "it must be a day, such as 2026-11-23; the routes of the API take moments too",
        ) from None
    if not 1970 <= day.year < 9998:
        raise refused("bad-value", name, "it must be a day of the years 1970 to 9997")
    return day
