"""The rows of one answer: of one generation of each day, scaled by sampling rates, merged."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import TypeVar

from pipeline.answer.calendar import Hours
from pipeline.answer.delivery import complete_through, is_final
from pipeline.deadline import NEVER, Deadline
from pipeline.errors import EdgetallyError, StoreError
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.sketches import EVERYTHING, TOTALS, Wanted
from pipeline.hours import HOUR_US, Span, Window, hour_of, spans
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.sites import COMPLETE, sampled_site
from pipeline.store.counted import RowKey
from pipeline.store.ledger import StoredRow
from pipeline.store.port import Meta, Store
from pipeline.threads import begun

T = TypeVar("T")

READING_HEADROOM = 32
"""How many times its cap a table may hold while rows are merged for an answer, which is not
stored: values that only some of the rows dropped keep more of their counts."""

_READINGS = 3
_NAMED_SITES = 100
_CLOCK_INTERVAL = 64
"""Rows between two looks at the clock."""


class TakesTooLong(EdgetallyError):
    """There was not the time to read all the rows of an answer."""

    def __init__(self) -> None:
        super().__init__("it takes too long; ask for a shorter window, larger buckets or one site")


class UnknownSite(EdgetallyError):
    """Nothing was ever counted of a site that was asked for; `known` are some of the sites that
    there are."""

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__("nothing was counted of such a site; /metrics/sites lists all there are")
        self.known = sorted(known)[:_NAMED_SITES]


@dataclass(frozen=True, slots=True)
class Sites:
    """Some sites: `rates` has the percentage of requests in the logs by the site's stored name,
    `percent` the least of them by the site's own name. `known` are all sites that there are."""

    rates: Mapping[str, int]
    percent: Mapping[str, int]
    known: Collection[str]

    @classmethod
    def of(cls, stored_names: Iterable[str], names: Sequence[str] | None = None) -> "Sites":
        """The stored sites of these names, or all."""
        rates = {stored: sampled_site(stored)[1] for stored in stored_names}
        percent: dict[str, int] = {}
        for stored, rate in rates.items():
            site = sampled_site(stored)[0]
            percent[site] = min(rate, percent.get(site, COMPLETE))
        if names is None:
            return cls(rates, percent, percent)
        kept = {stored: rate for stored, rate in rates.items() if sampled_site(stored)[0] in names}
        return cls(kept, {site: percent[site] for site in names if site in percent}, percent)

    @property
    def sampling(self) -> dict[str, int]:
        """The rates of the sites that are not complete."""
        return {site: rate for site, rate in sorted(self.percent.items()) if rate != COMPLETE}


class Rows:
    """The rows of some sites, scaled by their sampling rates."""

    def __init__(
        self,
        store: Store,
        sites: Sites,
        meta: Meta,
        caps: Caps,
        deadline: Deadline,
    ) -> None:
        self._store = store
        self._meta = meta
        self._caps = caps
        self._deadline = deadline
        self._versions: list[str] = []
        self._newest_us: dict[str, int] = {}
        self._beyond: Callable[[], Mapping[str, int]] = dict
        self.sites = sites

    def merged(self, window: Window, wanted: Wanted = EVERYTHING) -> HourlyAggregate:
        """The rows of a window as one aggregate. Raises StoreError, TakesTooLong."""
        return self.joined(aggregate for _, aggregate in self.read(spans(window), wanted))

    def hours(self, window: Window) -> Hours | None:
        """The hours from the first request of a window to its last; None if it has no request.
        Raises StoreError, TakesTooLong."""
        totals = self.merged(window, TOTALS).totals
        if totals.first_us is None or totals.last_us is None:
            return None
        return Hours(totals.first_us // HOUR_US, totals.last_us // HOUR_US + 1)

    def joined(self, aggregates: Iterable[HourlyAggregate]) -> HourlyAggregate:
        """Aggregates of rows as one."""
        return merge(aggregates, self._caps, READING_HEADROOM)

    def read(
        self, spans: Iterable[Span], wanted: Wanted = EVERYTHING
    ) -> Iterator[tuple[RowKey, HourlyAggregate]]:
        """The rows of some spans. Raises StoreError, TakesTooLong."""
        names = list(self.sites.rates)
        for row in self._store.read(names, list(spans), self._meta, wanted):
            self._note(row)
            yield row.key, self._scaled(row.key, row.aggregate)

    def look_beyond(self, end: int, now: datetime) -> None:
        """Begin to read how far delivery has come after a window that is not final. The rows of
        the window are read at the same time."""
        if end <= hour_of(now) and not is_final(end, now):
            beyond = Window(end, hour_of(now) + 1)
            self._beyond = begun(lambda: self._newest_in(beyond))

    def complete_through(self, now: datetime) -> int:
        """The hour (since the epoch) up to which the hours of all sites are complete, as far as
        the rows say that were read. Raises StoreError."""
        newest_us = dict(self._newest_us)
        for site, last_us in self._beyond().items():
            newest_us[site] = max(last_us, newest_us.get(site, 0))
        return complete_through(newest_us, self.sites.percent, now)

    @property
    def state(self) -> str:
        """A digest of the versions of the rows read so far."""
        versions = "\n".join(sorted(self._versions))
        return blake2b(versions.encode(), digest_size=8).hexdigest()

    def _newest_in(self, window: Window) -> dict[str, int]:
        newest_us: dict[str, int] = {}
        names = list(self.sites.rates)
        for row in self._store.read(names, spans(window), self._meta, TOTALS):
            _keep_newest(newest_us, row)
        return newest_us

    def _note(self, row: StoredRow) -> None:
        key = row.key
        self._versions.append(f"{key.site} {key.period} {key.start} {row.version}")
        _keep_newest(self._newest_us, row)
        if len(self._versions) % _CLOCK_INTERVAL == 0 and self._deadline.is_over:
            raise TakesTooLong

    def _scaled(self, key: RowKey, aggregate: HourlyAggregate) -> HourlyAggregate:
        rate = self.sites.rates[key.site]
        if rate == COMPLETE:
            return aggregate
        from pipeline.hour.scale import scaled  # imports numpy

        return scaled(aggregate, rate)


def _keep_newest(newest_us: dict[str, int], row: StoredRow) -> None:
    site, last_us = sampled_site(row.key.site)[0], row.aggregate.totals.last_us
    if last_us is not None:
        newest_us[site] = max(last_us, newest_us.get(site, 0))


def as_of_one_moment(
    store: Store,
    meta: Meta,
    names: Sequence[str] | None,
    read: Callable[[Rows], T],
    caps: Caps = DEFAULT_CAPS,
    deadline: Deadline = NEVER,
) -> tuple[T, Meta]:
    """The result of `read` over the rows of some sites (None is all), and the sites and
    generations by which they were read: those of `meta`, unless a rebuild has switched since.

    All rows are of the same generation of every day: if a rebuild switches while they are read,
    they are read again. Raises StoreError, TakesTooLong.
    """
    for _ in range(_READINGS):
        result = read(Rows(store, Sites.of(meta.sites, names), meta, caps, deadline))
        before, meta = meta, store.meta()
        if meta.generations == before.generations:
            return result, before
    raise StoreError("a rebuild changed the rows each time they were read; ask again")
