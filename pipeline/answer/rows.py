"""Rows as one answer reads them: of one generation of each day, with the versions they had."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import EdgetallyError, StoreError
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import Span
from pipeline.sites import COMPLETE, sampled_site
from pipeline.store.counted import RowKey
from pipeline.store.port import Meta, Store

T = TypeVar("T")

_READINGS = 3
_LOOK = 64
"""Rows between two looks at the clock."""


class TakesTooLong(EdgetallyError):
    """There was not the time to read all the rows of an answer."""

    def __init__(self) -> None:
        super().__init__("it takes too long; ask for a shorter window, larger buckets or one site")


@dataclass(frozen=True, slots=True)
class Sites:
    """The stored names of some sites with the percentage of requests that each has, and the
    sampling rates of those that are not complete."""

    rates: Mapping[str, int]
    sampling: Mapping[str, int]

    @classmethod
    def of(cls, meta: Meta, names: Sequence[str] | None) -> "Sites":
        """Those of some names, or all."""
        rates: dict[str, int] = {}
        sampling: dict[str, int] = {}
        for stored in meta.sites:
            site, percent = sampled_site(stored)
            if names is None or site in names:
                rates[stored] = percent
                if percent != COMPLETE:  # of several rates, the one that says least
                    sampling[site] = min(percent, sampling.get(site, COMPLETE))
        return cls(rates, dict(sorted(sampling.items())))


class Rows:
    """The rows of some sites, scaled by their sampling rates.

    `newest_us` is the time of the latest request in what was read so far (epoch microseconds).
    """

    def __init__(self, store: Store, sites: Sites, meta: Meta, deadline: Deadline) -> None:
        self._store = store
        self._meta = meta
        self._deadline = deadline
        self._versions: list[str] = []
        self.sites = sites
        self.newest_us: int | None = None

    def read(
        self, spans: Iterable[Span], wanted: Wanted = EVERYTHING
    ) -> Iterator[tuple[RowKey, HourlyAggregate]]:
        """The rows of some spans. Raises StoreError, TakesTooLong."""
        names = list(self.sites.rates)
        for row in self._store.read(names, list(spans), self._meta, wanted):
            self._note(row.key, row.version)
            if row.aggregate.totals.last_us is not None:
                self.newest_us = max(self.newest_us or 0, row.aggregate.totals.last_us)
            yield row.key, self._scaled(row.key, row.aggregate)

    def only_versions(self, spans: Iterable[Span]) -> None:
        """Note the versions of rows without reading them. Raises StoreError, TakesTooLong."""
        names = list(self.sites.rates)
        for key, version in self._store.versions(names, list(spans), self._meta):
            self._note(key, version)

    @property
    def vector(self) -> str:
        """A digest of what was noted: another one if any of it, or what there is, changes."""
        return blake2b("\n".join(sorted(self._versions)).encode(), digest_size=16).hexdigest()

    def _note(self, key: RowKey, version: str) -> None:
        self._versions.append(f"{key.site} {key.period} {key.start} {version}")
        if len(self._versions) % _LOOK == 0 and self._deadline.is_over:
            raise TakesTooLong

    def _scaled(self, key: RowKey, aggregate: HourlyAggregate) -> HourlyAggregate:
        rate = self.sites.rates[key.site]
        if rate == COMPLETE:
            return aggregate
        from pipeline.hour.scale import scaled

        return scaled(aggregate, rate)


def as_of_one_moment(
    store: Store,
    names: Sequence[str] | None,
    read: Callable[[Rows], T],
    deadline: Deadline = NEVER,
) -> tuple[T, Rows]:
    """What `read` makes of the rows of some sites (None is all), and the rows that it read.

    All of it is of the same generation of every day: if a rebuild ends while they are read, they
    are read again. Raises StoreError, TakesTooLong.
    """
    meta = store.meta()
    for _ in range(_READINGS):
        rows = Rows(store, Sites.of(meta, names), meta, deadline)
        made = read(rows)
        before, meta = meta, store.meta()
        if meta.generations == before.generations:
            return made, rows
    raise StoreError("a rebuild changed the rows each time they were read; ask again")
