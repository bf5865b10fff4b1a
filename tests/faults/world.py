"""A small world: log objects of a few lines, the deliveries that are due, and an independent count
of what a store must hold, whatever has happened to it."""

import gzip
import re
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
from pipeline.ingest.reader import Reader
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
    """A version of a log object: the requests in it (hours before it was `modified`, and paths),
    how many hours it spans beside, with a request in each, whether its bytes are damaged, and its
    own time in days after `MODIFIED`."""

    key: str
    version: int
    requests: tuple[tuple[int, str], ...]
    span: int = 0
    damaged: bool = False
    days_later: int = 0

    @property
    def modified(self) -> datetime:
        """The object's own time."""
        return MODIFIED + timedelta(days=self.days_later)

    @property
    def etag(self) -> str:
        """Another one for every version."""
        return f"e{self.version}"

    @property
    def ref(self) -> ObjectRef:
        """As it is announced."""
        return ObjectRef("b", self.key, self.etag)

    @property
    def body(self) -> bytes:
        """What is in the bucket."""
        lines = [
            f"{self.modified - timedelta(hours=hours):%Y-%m-%d\t%H:%M:%S}\t{path}\n"
            for hours, path in self._all()
        ]
        body = gzip.compress(("#Fields: date time cs-uri-stem\n" + "".join(lines)).encode())
        return body[:-5] if self.damaged else body

    def hours(self) -> dict[int, Counter[str]]:
        """The paths by hour since the epoch, counted in the plainest way."""
        found: dict[int, Counter[str]] = defaultdict(Counter)
        now = int(self.modified.timestamp()) // 3600
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
    sites: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    pattern: re.Pattern[str] | None = None
    forgotten: set[str] = field(default_factory=set)
    first_day: int = 0
    retention_days: int = RETENTION_DAYS

    def put(self, made: Made) -> None:
        """Deliver an object, or overwrite one."""
        self.versions.setdefault(made.key, []).append(made)
        self.sites[made.key].add(site_of(made.key, self.pattern))

    def reader(self, pattern: str, reading: Reading) -> Reader:
        """A reader of the bucket, under a site pattern; from now on, each key may be of the site
        that this pattern gives it."""
        self.pattern = re.compile(pattern) if pattern else None
        for key in self.versions:
            self.sites[key].add(site_of(key, self.pattern))
        return Reader(self, reading, self.pattern)

    def changed(self, before: int, retention_days: int, today: int) -> None:
        """The retention was changed: what was gone by then stays gone."""
        if before:
            self.first_day = max(self.first_day, today - before)
        self.retention_days = retention_days

    def require_forgotten(self, store: Store, refs: Sequence[ObjectRef], generation: int) -> None:
        """A rebuild was asked to forget these, and says that it is complete."""
        generations = store.meta().generations
        if generations.counts(generation):
            for entry in store.ledger(refs).values():
                assert entry.as_read(generations).state == "forgotten"

    def note_forgotten(self, store: Store) -> None:
        """What is forgotten while no rebuild is open is forgotten for good."""
        generations = store.meta().generations
        if generations.rebuild is None:
            self.forgotten |= {
                entry.ref.key
                for entry in store.objects()
                if entry.as_read(generations).state == "forgotten"
            }

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        """See `Source.open`."""
        made = self.versions[ref.key][-1]
        if ref.etag and ref.etag != made.etag:
            raise ObjectGone("it was overwritten since the event")
        body = made.body
        yield Content(replace(ref, etag=made.etag), made.modified, [body[:40], body[40:]])

    def made(self, entry: LedgerEntry) -> Made:
        """What the ledger says was counted."""
        return next(v for v in self.versions[entry.ref.key] if v.etag == entry.ref.etag)

    def check(
        self,
        store: Store,
        parts_done: Callable[[ObjectRef], int],
        now: datetime,
        *,
        to_the_byte: bool = False,
    ) -> None:
        """Stored hours = an independent count of what the ledger has, and days = sums of hours; to
        the byte, hours are also the fold over the ledger's objects."""
        generations = store.meta().generations
        count: dict[Place, Counter[str]] = defaultdict(Counter)
        fold: dict[Place, list[HourlyAggregate]] = defaultdict(list)
        for entry in (each.as_read(generations) for each in store.objects()):
            if entry.ref.key in self.forgotten:
                assert entry.state == "forgotten"
            if entry.state in ("failed", "forgotten"):
                continue
            made = self.made(entry)
            assert entry.site in self.sites[entry.ref.key]
            hours = made.hours()
            assert entry.hours == {hour: paths.total() for hour, paths in hours.items()}
            if entry.state == "partial":
                done = _first_parts(sorted(hours), parts_done(entry.ref))
                hours = {hour: hours[hour] for hour in done}
            for hour, paths in hours.items():
                count[entry.site, hour] += paths
                fold[entry.site, hour].append(_parsed(made)[hour])
        stored = _rows(store, "hour")
        live = {place for place in fold if self._is_live(place[1] // HOURS_PER_DAY, now)}
        assert {place: _paths(hour) for place, hour in stored.items()} == {
            place: +count[place] for place in live
        }
        sums: dict[Place, list[HourlyAggregate]] = defaultdict(list)
        for (site, hour), aggregate in stored.items():
            sums[site, hour // HOURS_PER_DAY].append(aggregate)
        days = _rows(store, "day")
        assert {place: _paths(day) for place, day in days.items()} == {
            place: _paths(merge(hours)) for place, hours in sums.items()
        }
        if to_the_byte:
            for place in live:
                assert codec.encode(stored[place]) == codec.encode(merge(fold[place]))
            for place, day in days.items():
                assert codec.encode(day) == codec.encode(merge(sums[place]))

    def _is_live(self, day: int, now: datetime) -> bool:
        days = self.retention_days
        expired = days and (day + 1 + days) * 86_400 <= now.timestamp()
        return day >= self.first_day and not expired


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


def _paths(aggregate: HourlyAggregate) -> Counter[str]:
    """The requests by path; all requests are in it."""
    table = aggregate.sketches.tables.get("path")
    paths = {path: vector.requests for path, vector in (table.entries if table else {}).items()}
    assert aggregate.totals.requests == sum(paths.values())
    return Counter(paths)


@cache
def _parsed(made: Made) -> dict[int, HourlyAggregate]:
    return parse([made.body], made.modified, READING).hours


def _rows(store: Store, period: Period) -> dict[Place, HourlyAggregate]:
    found: dict[Place, list[HourlyAggregate]] = defaultdict(list)
    for row in store.read(store.meta().sites, [Span(period, None, None)]):
        found[row.key.site, row.key.start].append(row.aggregate)
    return {place: merge(parts) for place, parts in found.items()}
