"""The health: named checks, each with a figure and a sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import msgspec

from pipeline.answer.cache import Answers, CachedResponse
from pipeline.answer.rows import as_of_one_moment
from pipeline.answer.seal import sealed, unsealed
from pipeline.answer.shape import Shape
from pipeline.answer.snapshot import KEY as SNAPSHOT
from pipeline.errors import EdgetallyError, StoreError
from pipeline.hour.aggregate import EMPTY, HourlyAggregate
from pipeline.hour.sketches import TOTALS
from pipeline.hours import HOURS_PER_DAY, Window, from_micros, hour_of
from pipeline.source.port import Depth
from pipeline.store.port import Store
from pipeline.words import number_of

AUDITED = "audit"
"""The key in the cache of the last audit's findings."""
AUDIT_SECONDS = 7 * 86_400
"""How long the findings are kept."""

_RECENT_DAYS = 3
_QUIET_SECONDS = 6 * 3600
_STALE_SECONDS = 26 * 3600
_MANY_REJECTED = 0.001
_TOO_MANY_REJECTED = 0.05
_AUDIT_IS_OLD_SECONDS = 3 * 3600

Status = Literal["ok", "warn", "fail"]


class Check(Shape):
    """One check: its figure (null if there is none) and its meaning."""

    name: str
    status: Status
    value: float | int | None
    detail: str


class HealthReport(Shape):
    """Every check, and when the cached snapshot was computed (`_cached_at` in epoch seconds)."""

    health_status: list[Check]
    snapshot_time: str | None
    cached_at: int | None = msgspec.field(name="_cached_at")


class Findings(msgspec.Struct, frozen=True):
    """The findings of an audit: records that the rows have too many or too few, and objects that
    were never counted, None where no bucket was looked at."""

    ledger_gap: int
    missing_objects: int | None

    def keep(self, store: Store) -> None:
        """Keep the findings for the health. Raises StoreError."""
        store.put_cached(AUDITED, sealed(msgspec.json.encode(self)), AUDIT_SECONDS)

    @classmethod
    def of(cls, kept: bytes) -> "Findings | None":
        """The findings of a cached body; None for a damaged one."""
        body = unsealed(kept)
        return None if body is None else msgspec.json.decode(body, type=cls)


@dataclass(frozen=True, slots=True)
class Health:
    """The checks of a store, of the queues before it (`depths` by their names: `queue`,
    `dead_letters`), and of the cache."""

    store: Store
    answers: Answers
    clock: Callable[[], datetime]
    depths: Mapping[str, Callable[[], Depth]] = field(default_factory=dict)

    def report(self) -> HealthReport:
        """The result of every check."""
        kept = self.answers.kept(SNAPSHOT)
        checks = [*self._traffic(), *self._queues(), self._audit(), self._cache(kept)]
        at = kept and kept.answer.computed_at
        time = None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
        return HealthReport(checks, time, at)

    def _traffic(self) -> list[Check]:
        today = hour_of(self.clock()) // HOURS_PER_DAY
        window = Window((today - _RECENT_DAYS + 1) * HOURS_PER_DAY, None)
        try:
            whole, meta = as_of_one_moment(
                self.store, self.store.meta(), None, lambda rows: rows.merged(window, TOTALS)
            )
        except StoreError as error:
            self.answers.on_failure(error)
            return [Check("store", "fail", None, "the store cannot be read; the log says why")]
        sites = len(meta.sites)
        if not sites:
            return [Check("store", "warn", 0, "no log object has been counted yet")]
        readable = Check("store", "ok", sites, f"{number_of(sites, 'site')} can be read")
        return [readable, self._newest(whole), _rejected(whole)]

    def _newest(self, whole: HourlyAggregate) -> Check:
        name = "newest_object"
        if whole is EMPTY or whole.totals.last_us is None:
            detail = f"no log object of the last {_RECENT_DAYS} days has been counted"
            return Check(name, "fail", None, detail)
        age = max(0, int((self.clock() - from_micros(whole.totals.last_us)).total_seconds()))
        detail = f"the newest request in a counted log object is {_ago(age)} old"
        if age <= _QUIET_SECONDS:
            return Check(name, "ok", age, detail)
        detail += "; is anything delivered to the bucket, and is the queue worked on?"
        return Check(name, "warn" if age <= _STALE_SECONDS else "fail", age, detail)

    def _queues(self) -> list[Check]:
        return [self._queue(name, depth) for name, depth in self.depths.items()]

    def _queue(self, name: str, depth: Callable[[], Depth]) -> Check:
        try:
            waiting, in_flight = depth()
        except EdgetallyError as error:
            self.answers.on_failure(error)
            return Check(name, "warn", None, "its depth cannot be read; the log says why")
        objects = number_of(waiting, "object")
        if name == "dead_letters":
            detail = f"{objects} could not be counted"
            if waiting:
                detail += "; mend the reason (`edgetally objects --failed`), and redrive the queue"
            return Check(name, "fail" if waiting else "ok", waiting, detail)
        return Check(name, "ok", waiting, f"{objects} waiting, {in_flight:,} being counted")

    def _audit(self) -> Check:
        name = "ledger_gap"
        try:
            cached = self.store.cached(AUDITED)
        except StoreError as error:
            self.answers.on_failure(error)
            cached = None
        if cached is None or (findings := Findings.of(cached.body)) is None:
            return Check(
                name, "warn", None, "no audit has been made in the last days: `edgetally audit`"
            )
        age = (self.clock() - cached.stored_at).total_seconds()
        gap, missing = findings.ledger_gap, findings.missing_objects
        objects = "" if missing is None else f"{number_of(missing, 'object')} missing, "
        records = f"{number_of(gap, 'record')} too many or too few"
        detail = f"{records}, {objects}as of an audit {_ago(age)} ago"
        if gap or missing:
            return Check(name, "fail", gap, f"{detail}; see `edgetally audit`")
        return Check(name, "ok" if age <= _AUDIT_IS_OLD_SECONDS else "warn", gap, detail)

    def _cache(self, kept: CachedResponse | None) -> Check:
        if kept is None:
            detail = "no snapshot is cached; the next request makes one"
            return Check("cache_age", "ok", None, detail)
        age, ttl = int(kept.age_seconds), self.answers.ttl_seconds
        detail = f"the snapshot is {age} s old, and served until it is {ttl} s old"
        return Check("cache_age", "ok", age, detail)


def _rejected(whole: HourlyAggregate) -> Check:
    rejected = whole.totals.rejected_lines
    share = round(rejected / max(1, rejected + whole.totals.requests), 6)
    detail = f"{number_of(rejected, 'log line')} of the last {_RECENT_DAYS} days not counted"
    if share <= _MANY_REJECTED:
        return Check("rejected_share", "ok", share, detail)
    detail += "; `edgetally inspect` on one of the objects says why"
    return Check("rejected_share", "warn" if share <= _TOO_MANY_REJECTED else "fail", share, detail)


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
