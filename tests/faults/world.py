"""A small world: log objects of a few lines, the deliveries that are due, and an independent count
of what a store must hold, whatever has happened to it."""

import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from pipeline.errors import ObjectGone
from pipeline.hour import codec
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hours import HOURS_PER_DAY, Period, Span
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef, site_of
from pipeline.schema.fields import VIEWER_HOST
from pipeline.sites import Place
from pipeline.source.port import Content
from pipeline.store.generations import Generations
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Store
from pipeline.tally.naming import Admission, Naming

MODIFIED = datetime(2026, 11, 23, 6, tzinfo=UTC)
READING = Reading()
_FIELDS = "#Fields: date time cs-uri-stem x-host-header\n"
RETENTION_DAYS = 30
LEDGER_DAYS = 65
HOSTS = {"/b": "b.example", "/c": "c.example"}
"""The host of a request by its path; others are of no host."""
MOST_SITES = 4
"""The most sites that hosts may be."""


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
            f"{self.modified - timedelta(hours=hours):%Y-%m-%d\t%H:%M:%S}\t{path}"
            f"\t{HOSTS.get(path, '-')}\n"
            for hours, path in self._all()
        ]
        body = gzip.compress((_FIELDS + "".join(lines)).encode())
        return body[:-5] if self.damaged else body

    def places(self, own: str, by_host: bool, hosts: Collection[str]) -> dict[Place, Counter[str]]:
        """The paths by hour and site, counted in the plainest way; `hosts` are those that are
        sites."""
        found: dict[Place, Counter[str]] = defaultdict(Counter)
        now = int(self.modified.timestamp()) // 3600
        for hours, path in self._all():
            host = HOSTS.get(path, own) if by_host else own
            site = host if host == own or host in hosts else "(other)"
            found[Place(now - hours, site)][path] += 1
        if not found:
            found[Place(now, own)] = Counter()
        return found

    def _all(self) -> Iterable[tuple[int, str]]:
        return [*self.requests, *((hours, "/long") for hours in range(self.span))]


@dataclass
class World:
    """The bucket, with all versions that ever were; only the last of each key can be read."""

    versions: dict[str, list[Made]] = field(default_factory=dict)
    sites: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    pattern: re.Pattern[str] | None = None
    by_host: bool = False
    forgotten: set[str] = field(default_factory=set)
    first_day: int = 0
    gone: int = 0
    retention_days: int = RETENTION_DAYS

    def put(self, made: Made) -> None:
        """Deliver an object, or overwrite one."""
        self.versions.setdefault(made.key, []).append(made)
        self.sites[made.key].add(site_of(made.key, self.pattern))

    def reader(self, pattern: str, reading: Reading, store: Store | None = None) -> Reader:
        """A reader of the bucket, under a site pattern; from now on, each key may be of the site
        that this pattern gives it. With a store, it counts by the hosts that the store admits."""
        self.by_host = store is not None
        self.pattern = re.compile(pattern) if pattern else None
        for key in self.versions:
            self.sites[key].add(site_of(key, self.pattern))
        if store is None:
            return Reader(self, reading, self.pattern)
        admission = Admission(partial(store.admit, most=MOST_SITES), MOST_SITES)
        return Reader(self, reading, self.pattern, site_by="host", admit=admission)

    def changed(
        self, before: int, retention_days: int, today: int, generations: Generations
    ) -> None:
        """The retention was changed: what was gone by then stays gone, until a later rebuild."""
        self.first_day = max(self._first_day(generations), today - before if before else 0)
        self.gone = generations.latest
        self.retention_days = retention_days

    def _first_day(self, generations: Generations) -> int:
        """The first day that has rows: days next to it may have been rebuilt since."""
        rebuilt = [each.days for each in generations.settled if each.generation > self.gone]
        if generations.rebuild and generations.rebuild.shown:
            rebuilt.append(generations.rebuild.days)
        first = self.first_day
        while earlier := [days.start for days in rebuilt if days.start < first <= days.end]:
            first = min(earlier)
        return first

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
        hosts = store.admit((), MOST_SITES) if self.by_host else frozenset()
        count: dict[Place, Counter[str]] = defaultdict(Counter)
        fold: dict[Place, list[HourlyAggregate]] = defaultdict(list)
        for entry in (each.as_read(generations) for each in store.objects()):
            if entry.ref.key in self.forgotten:
                # The ledger may have forgotten it too, and then refuses it for its age.
                assert entry.state in ("forgotten", "failed")
            if entry.state in ("failed", "forgotten"):
                continue
            own, places = self._places(entry, hosts)
            if entry.state == "partial":
                done = _first_parts(places, parts_done(entry.ref))
                places = {place: places[place] for place in done}
            folded = _parsed(self.made(entry), own, self.by_host, hosts)
            for place, paths in places.items():
                count[place] += paths
                fold[place].append(folded[place])
        stored = _rows(store, "hour")
        first = self._first_day(generations)
        live = {place for place in fold if self._is_live(place.hour // HOURS_PER_DAY, first, now)}
        assert {place: _paths(hour) for place, hour in stored.items()} == {
            place: +count[place] for place in live
        }
        sums: dict[Place, list[HourlyAggregate]] = defaultdict(list)
        for (hour, site), aggregate in stored.items():
            sums[Place(hour // HOURS_PER_DAY, site)].append(aggregate)
        days = _rows(store, "day")
        assert {place: _paths(day) for place, day in days.items()} == {
            place: _paths(merge(hours)) for place, hours in sums.items()
        }
        if to_the_byte:
            for place in live:
                assert codec.encode(stored[place]) == codec.encode(merge(fold[place]))
            for place, day in days.items():
                assert codec.encode(day) == codec.encode(merge(sums[place]))

    def _places(
        self, entry: LedgerEntry, hosts: frozenset[str]
    ) -> tuple[str, dict[Place, Counter[str]]]:
        """The own site of an object, as one of those it may have had, and the paths of its
        places."""
        found = {
            own: self.made(entry).places(own, self.by_host, hosts)
            for own in sorted(self.sites[entry.ref.key])
        }
        counted = {
            own: places
            for own, places in found.items()
            if entry.places == {place: paths.total() for place, paths in places.items()}
        }
        assert counted, (entry.places, found)
        return next(iter(counted.items()))

    def _is_live(self, day: int, first: int, now: datetime) -> bool:
        days = self.retention_days
        expired = days and (day + 1 + days) * 86_400 <= now.timestamp()
        return day >= first and not expired


def _first_parts(places: Iterable[Place], parts: int) -> Iterable[Place]:
    """The places of the first parts: of each site's days, five hours at a time, and as many of
    these together as are six rows with the days' own."""
    chunks: list[list[Place]] = []
    for place in sorted(places, key=lambda each: (each.site, each.hour)):
        before = chunks[-1] if chunks else []
        alike = before and (before[-1].site, before[-1].hour // 24) == (
            place.site,
            place.hour // 24,
        )
        if alike and len(before) < 5:
            before.append(place)
        else:
            chunks.append([place])
    together: list[list[Place]] = [[]]
    rows = 0
    for chunk in chunks:
        if rows + len(chunk) + 1 > 6:
            together.append([])
            rows = 0
        together[-1] += chunk
        rows += len(chunk) + 1
    return [place for part in together[:parts] for place in part]


def _paths(aggregate: HourlyAggregate) -> Counter[str]:
    """The requests by path; all requests are in it."""
    table = aggregate.sketches.tables.get("path")
    paths = {path: vector.requests for path, vector in (table.entries if table else {}).items()}
    assert aggregate.totals.requests == sum(paths.values())
    return Counter(paths)


@cache
def _parsed(
    made: Made, own: str, by_host: bool, hosts: frozenset[str]
) -> dict[Place, HourlyAggregate]:
    naming = Naming(own, VIEWER_HOST if by_host else "", admit=lambda names: hosts)
    return parse([made.body], made.modified, READING, naming).rows


def _rows(store: Store, period: Period) -> dict[Place, HourlyAggregate]:
    found: dict[Place, list[HourlyAggregate]] = defaultdict(list)
    for row in store.read(store.meta().sites, [Span(period, None, None)]):
        found[Place(row.key.start, row.key.site)].append(row.aggregate)
    return {place: merge(parts) for place, parts in found.items()}
