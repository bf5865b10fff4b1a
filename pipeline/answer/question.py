"""A question about the traffic of a window, with every default filled in; it computes itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.answer.calendar import Compare, Exact, Hours, compared, label, zone_named
from pipeline.answer.change import changes
from pipeline.answer.envelope import Compared, Comparison, Envelope, Meta, Query
from pipeline.answer.rows import Rows, UnknownSite


class Figures(NamedTuple):
    """The result of a question: the data of each of its windows, the largest possible undercount
    of each approximate dimension, the cursor of the next page, whether the rows have changed since
    the first page, and the requests of the window whose logs lack a field, by field."""

    data: Sequence[Any]
    approximate: Mapping[str, int] = MappingProxyType({})
    next_cursor: str | None = None
    changed: bool = False
    lacking: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Question(ABC):
    """A question about the hours `start` to `end` (since the epoch) of some sites (None is all),
    on a zone's clock; with `compare`, about the window to compare it with too.

    Rows are kept by hours of UTC. A window of days in a zone that is half an hour off is `exact`;
    its hours are those in which it lies."""

    start: int
    end: int
    tz: str = "UTC"
    sites: tuple[str, ...] | None = None
    compare: Compare | None = None
    exact: Exact | None = None

    name: ClassVar[str]

    @abstractmethod
    def compute(self, rows: Rows, now: datetime) -> Figures:
        """The figures of the question. Raises StoreError, TakesTooLong."""

    @property
    def hours(self) -> Hours:
        """The window."""
        return Hours(self.start, self.end)

    @property
    def zone(self) -> tzinfo:
        """The zone."""
        return zone_named(self.tz)

    @property
    def windows(self) -> list[Hours]:
        """The window, and the one to compare it with if there is one."""
        return [each.hours for each in self.exact_windows]

    @property
    def exact_windows(self) -> list[Exact]:
        """The same with their exact bounds."""
        window = self.exact or Exact.of(self.hours)
        return [window, *([compared(window, self.compare, self.zone)] if self.compare else [])]

    @property
    def key(self) -> str:
        """The key of its answer in the cache: the same for all questions with the same answer."""
        text = msgspec.json.encode([self.name, self])
        return f"answer#{blake2b(text, digest_size=16).hexdigest()}"

    def answer(self, rows: Rows, now: datetime) -> Envelope[Any]:
        """The answer to the question, computed from rows. Raises UnknownSite, StoreError,
        TakesTooLong."""
        if not set(self.sites or ()) <= set(rows.sites.known):
            raise UnknownSite(rows.sites.known)
        rows.look_beyond(self.end, now)
        figures = self.compute(rows, now)
        meta = Meta(
            query=self.echo(),
            generated_at=moment(now),
            complete_through=self._complete_through(rows.complete_through(now)),
            approximate=dict(figures.approximate),
            sampling=rows.sites.sampling,
            lacking=dict(figures.lacking),
            cached=False,
            stale=False,
            changed=True if figures.changed else UNSET,
        )
        return self.enveloped(meta, figures)

    def enveloped(self, meta: Meta, figures: Figures) -> Envelope[Any]:
        """The figures as an answer."""
        return Compared(meta, figures.data[0], figures.next_cursor, self._comparison(*figures.data))

    def echo(self) -> Query:
        """The question as answers repeat it."""
        start, end = self.bounds(0)
        return Query(
            from_=start,
            to=end,
            tz=self.tz,
            site=None if self.sites is None else list(self.sites),
            compare=self.compare or UNSET,
        )

    def _comparison(self, now: Any, before: Any = None) -> Comparison[Any] | UnsetType:
        if not self.compare:
            return UNSET
        start, end = self.bounds(1)
        return Comparison(start, end, before, changes(now, before))

    def bounds(self, place: int) -> tuple[str, str]:
        """The bounds of a window, 0 for the one that was asked for, in RFC 3339: those of the hours
        that the answer is of."""
        start, end = self.windows[place]
        return label(start, self.zone), label(end, self.zone)

    def _complete_through(self, hour: int) -> str | None:
        return label(min(self.end, hour), self.zone) if hour > self.start else None


def moment(at: datetime) -> str:
    """A moment as answers write it, in whole seconds."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
