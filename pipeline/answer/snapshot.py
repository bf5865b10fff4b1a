"""The cached summary of the last hours, in the form that it always had."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from pipeline.answer.cache import Answer, Answers
from pipeline.answer.shape import Shape
from pipeline.answer.summarizing import window_summary
from pipeline.answer.summary import CompleteSummary
from pipeline.hours import Window
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.port import Meta, Store

KEY = "snapshot"


class Snapshot(CompleteSummary):  # type: ignore[misc,valid-type] # made of a table
    """The summary of the last hours, and when it was computed (epoch seconds)."""

    cached_at: int = msgspec.field(name="_cached_at")


class CacheStatus(Shape):
    """Whether a snapshot is cached, its age, and whether it would be served."""

    exists: bool
    age_seconds: int | None
    ttl_seconds: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The summary of the current hour and those before it, `lookback_hours` in all."""

    store: Store
    answers: Answers
    lookback_hours: int
    clock: Callable[[], datetime]
    caps: Caps = field(default_factory=lambda: DEFAULT_CAPS)

    def snapshot(self) -> bytes:
        """The kept snapshot while it is fresh, else a new one, as JSON. Raises StoreError, Busy."""
        return self.answers.get(KEY, self._computed).answer.body

    def refresh(self) -> bytes:
        """A new snapshot, which replaces the kept one. Raises StoreError, Busy."""
        return self.answers.refresh(KEY, self._computed).answer.body

    def cache_status(self) -> CacheStatus:
        """The state of the cache."""
        kept, ttl = self.answers.kept(KEY), self.answers.ttl_seconds
        age = None if kept is None else int(kept.age_seconds)
        return CacheStatus(age is not None, age, ttl, age is not None and age < ttl)

    def _computed(self, meta: Meta) -> Answer:
        now = self.clock()
        window = Window.last_hours(self.lookback_hours, now)
        summary = window_summary(self.store, window, caps=self.caps, meta=meta)
        at = int(now.timestamp())
        snapshot = Snapshot(**msgspec.structs.asdict(summary), cached_at=at)
        return Answer(msgspec.json.encode(snapshot), computed_at=at)
