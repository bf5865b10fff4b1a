"""A ranking: the values of a dimension by a metric, a page at a time."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import msgspec
from typing_extensions import override

from pipeline.answer.calendar import Hours
from pipeline.answer.entries import OTHER, TopEntry, foremost, lacking, table_of, top_entries
from pipeline.answer.envelope import Compared, Query
from pipeline.answer.metrics import RANKED, Number
from pipeline.answer.question import Figures, Question
from pipeline.answer.rows import Rows
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.vector import ZERO, Vector
from pipeline.schema.agents import NOT_OF_EVERYONE
from pipeline.schema.dimensions import ABSENT, DIMENSIONS

if TYPE_CHECKING:
    from pipeline.hour.heavy_hitters import Table

_RATIOS = frozenset({"hit_ratio", "mean_time_ms"})
"""The metrics that are rounded, and so compared one by one."""


class TopAnswer(Compared[list[TopEntry] | None]):
    """A page of a ranking; null if the logs of the window do not have the dimension."""


class Place(NamedTuple):
    """The place in a ranking at which a page ended: the metric of its last value, and that value.
    `state` is that of the rows of the first page."""

    measure: Number
    value: str
    state: str


class Page(NamedTuple):
    """A part of a ranking, and the place of its end if there is more."""

    counted: list[tuple[str, Vector]]
    end: Place | None


@dataclass(frozen=True, slots=True)
class TopQuestion(Question):
    """A page of the values of a dimension, ranked by a metric, behind a place. Values with fewer
    than `min_requests` are left out: the slowest path would be one that was asked for once."""

    dimension: str = "path"
    metric: str = "requests"
    limit: int = 20
    after: Place | None = None
    min_requests: int = 1

    name: ClassVar[str] = "top"

    @override
    def echo(self) -> Query:
        return msgspec.structs.replace(
            Question.echo(self),
            dimension=self.dimension,
            metric=self.metric,
            limit=self.limit,
            min_requests=self.min_requests,
        )

    @override
    def compute(self, rows: Rows, now: datetime) -> Figures:
        whole = self._merged(rows, self.hours)
        state = rows.state
        before = [self._merged(rows, hours) for hours in self.windows[1:]]
        page = self.page(whole, self.after.state if self.after else state)
        bound = table_of(whole, self.dimension).bound
        return Figures(
            [
                self.entries(page, whole),
                *(same_values(page, earlier, self.dimension) for earlier in before),
            ],
            {self.dimension: bound} if bound else {},
            self.cursor(page.end) if page.end else None,
            changed=self.after is not None and self.after.state != state,
            lacking=lacking(whole.totals.lacking),
        )

    def _merged(self, rows: Rows, hours: Hours) -> HourlyAggregate:
        return rows.merged(hours.window, frozenset({self.dimension}))

    def entries(self, page: Page, whole: HourlyAggregate) -> list[TopEntry] | None:
        """The entries of a page; None if the logs do not have the dimension."""
        is_logged = whole.totals.has(DIMENSIONS[self.dimension].field)
        return top_entries(page.counted, whole.totals, self.dimension) if is_logged else None

    def page(self, whole: HourlyAggregate, state: str) -> Page:
        """Up to `limit` values behind the place: most of the metric first, then by value.

        Requests of no crawler are not ranked among those of crawlers. `(other)` closes the
        ranking, for values that fell out of the table. A dimension that the logs do not have has
        no value to rank.
        """
        if not whole.totals.has(DIMENSIONS[self.dimension].field):
            return Page([], None)
        table = table_of(whole, self.dimension)
        measure = RANKED[self.metric]
        ranking = (
            (-measure(vector), value, vector)
            for value, vector in self._candidates(table).items()
            if vector.requests >= self.min_requests
            and (value != ABSENT or self.dimension not in NOT_OF_EVERYONE)
        )
        start = self.after and (-self.after.measure, self.after.value)
        behind = (entry for entry in ranking if start is None or entry[:2] > start)
        first = nsmallest(self.limit + 1, behind)
        counted = [(value, vector) for _, value, vector in first[: self.limit]]
        if len(first) > self.limit:
            negative, value, _ = first[self.limit - 1]
            return Page(counted, Place(-negative, value, state))
        if table.other.requests:
            counted.append((OTHER, table.other))
        return Page(counted, None)

    def _candidates(self, table: Table) -> dict[str, Vector]:
        """Values with the foremost among them. Counts are compared by columns: of a thousand values
        few become Python objects."""
        if self.after or self.metric in _RATIOS:
            return table.entries
        columns = Vector._make(table.counts)
        measured: Any = RANKED[self.metric](columns)
        many = columns.requests >= self.min_requests
        return table.at(foremost(measured * many, self.limit + 2))  # one of them may be no value

    def cursor(self, end: Place) -> str:
        """The text by which the next page is asked for. It holds the window, so that all pages
        are of the same hours, and the state of the rows, so that a change is noticed."""
        packed = msgspec.msgpack.encode((self.start, self.end, *end, self._ranking))
        return urlsafe_b64encode(packed).decode().rstrip("=")

    def at(self, cursor: str) -> TopQuestion:
        """The page that a cursor of this ranking leads to. Raises ValueError for any other text."""
        try:
            packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            start, end, measure, value, state, ranking = msgspec.msgpack.decode(
                packed, type=tuple[int, int, int | float, str, str, str]
            )
        except (Base64Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError("no cursor") from error
        place = Place(measure, value, state)
        page = replace(self, start=start, end=end, after=place)
        if ranking != self._ranking or page.cursor(place) != cursor:
            raise ValueError("a cursor of another ranking")
        return page

    @property
    def _ranking(self) -> str:
        text = msgspec.json.encode(
            [self.dimension, self.metric, self.tz, self.sites, self.min_requests, self.compare]
        )
        return blake2b(text, digest_size=6).hexdigest()


def same_values(page: Page, whole: HourlyAggregate, dimension: str) -> list[TopEntry] | None:
    """The entries of a page's values in another window; zeros for a value that is not there, None
    if the logs of that window do not have the dimension."""
    if not whole.totals.has(DIMENSIONS[dimension].field):
        return None
    table = table_of(whole, dimension)
    known = table.vectors({value for value, _ in page.counted}) | {OTHER: table.other}
    values = ((value, known.get(value, ZERO)) for value, _ in page.counted)
    return top_entries(values, whole.totals, dimension)
