"""The cached summary of the last hours, in the form that it always had."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.answer.cache import Answer, Answers
from pipeline.hours import Window
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.port import Store

KEY = "snapshot"


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

    def cache_status(self) -> dict[str, Any]:
        """Whether a snapshot is cached, how old it is, and whether it would be served."""
        kept = self.answers.kept(KEY)
        age = None if kept is None else int(kept.age_seconds)
        ttl = self.answers.ttl_seconds
        return {
            "exists": kept is not None,
            "age_seconds": age,
            "ttl_seconds": ttl,
            "fresh": age is not None and age < ttl,
        }

    def _computed(self) -> Answer:
        from pipeline.answer.window_summary import summary

        now = self.clock()
        window = Window.last_hours(self.lookback_hours, now)
        taken = summary(self.store, window, caps=self.caps).model_dump()
        return Answer(json.dumps(taken | {"_cached_at": int(now.timestamp())}).encode())
