"""A small world: log objects of a few lines, the deliveries that are due, and an independent count
of what a store must hold, whatever has happened to it."""

import gzip
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from pipeline.errors import ObjectGone
from pipeline.hour import codec
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hours import HOURS_PER_DAY, Period, Span
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.objects import ObjectRef, site_of
from pipeline.source.port import Content
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Store

MODIFIED = datetime(2026, 11, 23, 6, tzinfo=UTC)
READING = Reading()
RETENTION_DAYS = 30
LEDGER_DAYS = 65
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """A version of a log object: the requests in it (hours before `MODIFIED`, and paths), how many
    hours it spans beside, with a request in each, and whether its bytes are damaged."""

    key: str
    version: int
    requests: tuple[tuple[int, str], ...]
    span: int = 0
    damaged: bool = False

    @property
    def etag(self) -> str:
        """Another one for every version."""
        return f"e{self.version}"

    @property
    def ref(self) -> ObjectRef:
        """As it is announced."""
        return ObjectRef("b", self.key, self.etag)

    @property
    def site(self) -> str:
        """The distribution in its name."""
        return site_of(self.key, None)

    @property
    def body(self) -> bytes:
        """What is in the bucket."""
        lines = [
            f"{MODIFIED - timedelta(hours=hours):%Y-%m-%d\t%H:%M:%S}\t{path}\n"
            for hours, path in self._all()
        ]
        body = gzip.compress(("#Fields: date time cs-uri-stem\n" + "".join(lines)).encode())
        return body[:-5] if self.damaged else body

    def hours(self) -> dict[int, Counter[str]]:
        """The paths by hour since the epoch, counted in the plainest way."""
        found: dict[int, Counter[str]] = defaultdict(Counter)
        now = int(MODIFIED.timestamp()) // 3600
        for hours, path in self._all():
            found[now - hours][path] += 1
        if not found:
            found[now] = Counter()
        return found

    def _all(self) -> Iterable[tuple[int, str]]:
        return [*self.requests, *((hours, "/long") for hours in range(self.span))]


@dataclass
class World:
    """The bucket, with all versions that ever were; only the last of each key can be read."""

    versions: dict[str, list[Made]] = field(default_factory=dict)

    def put(self, made: Made) -> None:
        """Deliver an object, or overwrite one."""
        self.versions.setdefault(made.key, []).append(made)

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        """See `Source.open`."""
        made = self.versions[ref.key][-1]
        if ref.etag and ref.etag != made.etag:
            raise ObjectGone("it was overwritten since the event")
        body = made.body
        yield Content(replace(ref, etag=made.etag), MODIFIED, [body[:40], body[40:]])

    def made(self, entry: LedgerEntry) -> Made:
        """What the ledger says was counted."""
        return next(v for v in self.versions[entry.ref.key] if v.etag == entry.ref.etag)

    def check(self, store: Store, parts_done: Callable[[ObjectRef], int], now: datetime) -> None:
        """Stored hours = fold over the ledger = an independent count; days = sums of hours."""
        generations = store.meta().generations
        count: dict[Place, Counter[str]] = defaultdict(Counter)
        fold: dict[Place, list[HourlyAggregate]] = defaultdict(list)
        for entry in (each.as_read(generations) for each in store.objects()):
            if entry.state in ("failed", "forgotten"):
                continue
            made = self.made(entry)
            hours = made.hours()
            assert entry.hours == {hour: paths.total() for hour, paths in hours.items()}
            if entry.state == "partial":
                done = _first_parts(sorted(hours), parts_done(entry.ref))
                hours = {hour: hours[hour] for hour in done}
            for hour, paths in hours.items():
                count[made.site, hour] += paths
                fold[made.site, hour].append(_parsed(made)[hour])
        stored = _rows(store, "hour")
        live = {place for place in fold if _is_live(place[1] // HOURS_PER_DAY, now)}
        assert stored.keys() == live
        for place in live:
            assert stored[place].totals.requests == count[place].total()
            table = stored[place].sketches.tables.get("path")
            assert (table.entries if table else {}).keys() == (+count[place]).keys()
            assert codec.encode(stored[place]) == codec.encode(merge(fold[place]))
        self._check_days(store, stored)

    def _check_days(self, store: Store, hours: dict[Place, HourlyAggregate]) -> None:
        sums: dict[Place, list[HourlyAggregate]] = defaultdict(list)
        for (site, hour), aggregate in hours.items():
            sums[site, hour // HOURS_PER_DAY].append(aggregate)
        days = _rows(store, "day")
        assert days.keys() == sums.keys()
        for place, aggregate in days.items():
            assert codec.encode(aggregate) == codec.encode(merge(sums[place]))


def _first_parts(hours: Sequence[int], parts: int) -> Iterable[int]:
    """The hours of the first parts: of each day, five at a time."""
    chunks: list[list[int]] = []
    for hour in hours:
        fits = chunks and len(chunks[-1]) < 5 and chunks[-1][-1] // 24 == hour // 24
        if fits:
            chunks[-1].append(hour)
        else:
            chunks.append([hour])
    return [hour for chunk in chunks[:parts] for hour in chunk]


@cache
def _parsed(made: Made) -> dict[int, HourlyAggregate]:
    return parse([made.body], MODIFIED, READING).hours


def _rows(store: Store, period: Period) -> dict[Place, HourlyAggregate]:
    found: dict[Place, list[HourlyAggregate]] = defaultdict(list)
    for row in store.read(store.meta().sites, [Span(period, None, None)]):
        found[row.key.site, row.key.start].append(row.aggregate)
    return {place: merge(parts) for place, parts in found.items()}


def _is_live(day: int, now: datetime) -> bool:
    return (day + 1 + RETENTION_DAYS) * 86_400 > now.timestamp()
