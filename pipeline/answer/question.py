"""What was asked, as it is answered: every default filled in, the window in whole hours."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, replace
from datetime import tzinfo
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from pipeline.answer.calendar import By, Hours, label, zone_named
from pipeline.answer.metrics import Number

FORM = 1
"""A part of what answers are kept under; raised whenever the same rows would give another answer,
so that none of before is served, and no ETag of before holds."""


class Place(NamedTuple):
    """Where in a ranking a page ended: the metric of its last value, and that value."""

    measure: Number
    value: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Hours `start` to `end` (since the epoch) of some sites (None is all), on a zone's clock;
    with `compare`, the window before too."""

    start: int
    end: int
    tz: str = "UTC"
    sites: tuple[str, ...] | None = None
    compare: bool = False

    @property
    def hours(self) -> Hours:
        """The window."""
        return Hours(self.start, self.end)

    @property
    def zone(self) -> tzinfo:
        """The zone."""
        return zone_named(self.tz)

    @property
    def key(self) -> str:
        """What its answer is kept under: the same for everything that has the same answer."""
        said = msgspec.json.encode([FORM, type(self).__name__, self])
        return f"answer#{blake2b(said, digest_size=16).hexdigest()}"

    def echo(self) -> dict[str, Any]:
        """What answers say was asked."""
        said: dict[str, Any] = {
            "from": label(self.start, self.zone),
            "to": label(self.end, self.zone),
            "tz": self.tz,
            "site": None if self.sites is None else list(self.sites),
        }
        if self.compare:
            said["compare"] = "previous"
        return said


@dataclass(frozen=True, slots=True)
class SummaryAsked(Asked):
    """The summary of a window."""


@dataclass(frozen=True, slots=True)
class TimeseriesAsked(Asked):
    """Metrics by the hour, day, week or month."""

    by: By = "hour"
    metrics: tuple[str, ...] = ()

    def echo(self) -> dict[str, Any]:
        """What answers say was asked."""
        return Asked.echo(self) | {"by": self.by, "metrics": list(self.metrics)}


@dataclass(frozen=True, slots=True)
class TopAsked(Asked):
    """A page of a dimension's values, ranked by a metric, behind a place."""

    dimension: str = "path"
    metric: str = "requests"
    limit: int = 20
    after: Place | None = None

    def echo(self) -> dict[str, Any]:
        """What answers say was asked."""
        return Asked.echo(self) | {
            "dimension": self.dimension,
            "metric": self.metric,
            "limit": self.limit,
        }

    def cursor(self, end: Place) -> str:
        """The text by which the next page is asked for. The window is in it, so that all pages are
        of the same hours."""
        packed = msgspec.msgpack.encode((self.start, self.end, *end, self._ranking))
        return urlsafe_b64encode(packed).decode().rstrip("=")

    def at(self, cursor: str) -> "TopAsked":
        """The page that a cursor of this ranking leads to. Raises ValueError for any other text."""
        try:
            packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            start, end, measure, value, ranking = msgspec.msgpack.decode(
                packed, type=tuple[int, int, int | float, str, str]
            )
        except (Base64Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError("no cursor") from error
        page = replace(self, start=start, end=end, after=Place(measure, value))
        if ranking != self._ranking or page.cursor(Place(measure, value)) != cursor:
            raise ValueError("a cursor of another ranking")
        return page

    @property
    def _ranking(self) -> str:
        said = msgspec.json.encode([self.dimension, self.metric, self.tz, self.sites])
        return blake2b(said, digest_size=6).hexdigest()
