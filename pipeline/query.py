"""The second use case: a window → its summary, from day and hour rows; and the cached snapshot."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.dimensions import DEFAULT_CAPS, Caps
from pipeline.core.errors import StoreError
from pipeline.core.generations import Generations
from pipeline.core.sampling import COMPLETE, sampled_site, scaled
from pipeline.core.summary import TOP, Summary, summarize
from pipeline.core.window import Window, spans
from pipeline.ports import Cached, Store

_SNAPSHOT = "snapshot"
_KEEP_STALE_SECONDS = 86_400
_READINGS = 3


def summary(
    store: Store,
    window: Window,
    sites: Sequence[str] | None = None,
    caps: Caps = DEFAULT_CAPS,
    top: int = TOP,
) -> Summary:
    """The summary of a window, of all sites or of some, with at most `top` entries in a list.

    All of it is of the same generation of every day: if a rebuild ends while the rows are read,
    they are read again. Raises StoreError.
    """
    rates: dict[str, int] = {}
    sampling: dict[str, int] = {}
    for stored in store.sites():
        site, percent = sampled_site(stored)
        if sites is None or site in sites:
            rates[stored] = percent
            if percent != COMPLETE:  # of several rates, the one that says least
                sampling[site] = min(percent, sampling.get(site, COMPLETE))
    generations = store.generations()
    for _ in range(_READINGS):
        aggregates = _aggregates(store, window, rates, generations)
        result = summarize(aggregates, window, sampling, caps, top)
        before, generations = generations, store.generations()
        if generations == before:
            return result
    raise StoreError("a rebuild changed the rows each time they were read; ask again")


def _aggregates(
    store: Store, window: Window, rates: Mapping[str, int], generations: Generations
) -> Iterator[HourlyAggregate]:
    """The rows of a window, scaled by the sampling rates of the stored sites."""
    for span in spans(window):
        for row in store.read(list(rates), span, generations):
            yield scaled(row.aggregate, rates[row.key.site])


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The summary of the last hours, computed at most once per `ttl_seconds`.

    `on_cache_failure` hears of a cache that cannot be read or written; the request goes on.
    """

    store: Store
    lookback_hours: int
    ttl_seconds: int
    clock: Callable[[], datetime]
    on_cache_failure: Callable[[StoreError], None]
    caps: Caps = field(default_factory=lambda: DEFAULT_CAPS)

    def snapshot(self) -> dict[str, Any]:
        """The cached snapshot while it is fresh, else a new one. Raises StoreError."""
        cached = self._cached()
        if cached is not None and self._age(cached) < self.ttl_seconds:
            answer: dict[str, Any] = json.loads(cached.body)
            return answer
        return self.refresh()

    def refresh(self) -> dict[str, Any]:
        """A new snapshot, which replaces the cached one. Raises StoreError."""
        now = self.clock()
        window = Window.last_hours(self.lookback_hours, now)
        answer = summary(self.store, window, caps=self.caps).model_dump() | {
            "_cached_at": int(now.timestamp())
        }
        try:
            self.store.put_cached(
                _SNAPSHOT, json.dumps(answer), self.ttl_seconds + _KEEP_STALE_SECONDS
            )
        except StoreError as error:
            self.on_cache_failure(error)
        return answer

    def cache_status(self) -> dict[str, Any]:
        """Whether a snapshot is cached, how old it is, and whether it would be served."""
        cached = self._cached()
        age = None if cached is None else int(self._age(cached))
        return {
            "exists": cached is not None,
            "age_seconds": age,
            "ttl_seconds": self.ttl_seconds,
            "fresh": age is not None and age < self.ttl_seconds,
        }

    def health(self) -> dict[str, Any]:
        """Named checks, and when the cached snapshot was taken."""
        cached = self._cached()
        return {
            "health_status": [self._store_check(), self._cache_check(cached)],
            "snapshot_time": None if cached is None else cached.stored_at.isoformat(),
            "_cached_at": None if cached is None else int(cached.stored_at.timestamp()),
        }

    def _store_check(self) -> dict[str, Any]:
        try:
            sites = len(self.store.sites())
        except StoreError as error:
            return {"name": "store", "status": "fail", "value": None, "detail": str(error)}
        detail = f"{sites} sites have data" if sites else "no log object has been counted yet"
        return {
            "name": "store",
            "status": "ok" if sites else "warn",
            "value": sites,
            "detail": detail,
        }

    def _cache_check(self, cached: Cached | None) -> dict[str, Any]:
        if cached is None:
            detail = "no snapshot is cached; the next request makes one"
            return {"name": "cache_age", "status": "ok", "value": None, "detail": detail}
        age = int(self._age(cached))
        detail = f"the snapshot is {age} s old, and served until it is {self.ttl_seconds} s old"
        return {"name": "cache_age", "status": "ok", "value": age, "detail": detail}

    def _cached(self) -> Cached | None:
        try:
            return self.store.cached(_SNAPSHOT)
        except StoreError as error:
            self.on_cache_failure(error)
            return None

    def _age(self, cached: Cached) -> float:
        return (self.clock() - cached.stored_at).total_seconds()
