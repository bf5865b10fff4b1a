"""An overview: figures, series and several lists of one window, and of one to compare it with."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.answer.bandwidth import FiveMinutes
from pipeline.answer.change import Difference
from pipeline.answer.entries import TopEntry
from pipeline.answer.envelope import Envelope
from pipeline.answer.metrics import METRICS
from pipeline.answer.shape import Moment, Shape
from pipeline.answer.timeseries import AnyBucket
from pipeline.schema.dimensions import DIMENSIONS

DEFAULT_RANKING = {"crawler": "bytes"}
"""The metric by which a dimension is ranked, where it is not requests."""
SERIES = tuple(name for name in METRICS if name != "unique_paths")
"""The metrics of every bucket."""
BANDWIDTH = "bits_per_second_p95"
"""The one figure of a window that is no metric: it needs to know how long the window is."""
MOST_FINE_HOURS = 48
"""The longest window, in hours, that has sums of five minutes."""


class Listing(NamedTuple):
    """A dimension to list, and the metric that ranks it."""

    dimension: str
    metric: str = "requests"


class Filter(NamedTuple):
    """A dimension and the value that requests must have; `unknown` is no value."""

    dimension: str
    value: str


ALL_LISTS = tuple(Listing(name, DEFAULT_RANKING.get(name, "requests")) for name in DIMENSIONS)


class Ranking(Shape):
    """The foremost values of a dimension by a metric. `values` counts all that its table has and
    that could be listed, `bound` is the largest possible undercount of one. It has no values if
    the logs of the window do not have the dimension."""

    dimension: str
    metric: str
    values: int
    bound: int
    entries: list[TopEntry]


class Account(Shape):
    """The log objects that were read, and their lines, counted or rejected by reason."""

    objects: int
    counted: int
    rejected: dict[str, int]


class Overview(Shape):
    """A window at a glance.

    figures: every metric of the whole window, and `bits_per_second_p95`: 95 of 100 five-minute
    rates between the first and the last request were at most this. series: the same metrics by
    bucket, without unique_paths. five_minutes: sums of five minutes, for windows of at most 48
    hours. Null where a figure cannot be told. first, newest: the times of the
    earliest and of the latest request. final_until: hours before this can no longer grow.
    """

    figures: dict[str, int | float | None]
    series: list[AnyBucket]  # type: ignore[valid-type] # made of a table
    five_minutes: FiveMinutes | None
    lists: list[Ranking]
    account: Account
    first: Moment | None
    newest: Moment | None
    final_until: Moment


class Past(Shape):
    """The requests of a listed value in the other window, and their change since; null if its
    logs do not have the dimension."""

    requests: int | None
    change: Difference | None


class Before(Shape, kw_only=True):
    """The window to compare with (`from` to `to`), and the change since.

    Only whole hours are compared: an hour that is not over, and those behind the latest request,
    are left out, and as many of the other window. `through` is where the compared part of the
    asked window ends. series: requests by bucket, place by place. lists: of every list,
    value by value.
    """

    from_: Moment = msgspec.field(name="from")
    to: Moment
    through: Moment
    figures: dict[str, int | float | None]
    change: dict[str, Difference]
    series: list[int]
    lists: list[list[Past]]


class OverviewAnswer(Envelope[Overview]):
    """An overview; with `compare`, the window to compare it with too. `compare` is null while no
    hour of the window is over."""

    compare: Before | UnsetType | None = UNSET
