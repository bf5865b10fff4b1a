"""The account of a store: does the ledger say what the rows say, and is every object in it?

The store may be written to meanwhile, and no two reads are of the same moment. But counts only
rise: what is read between two readings of something else lies between them. So a row is right if
the ledger said no more before it was read and no less after, and while nothing is written that
means equal.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal

from pipeline.hours import CLOCK_SKEW, HOURS_PER_DAY, Period, Span, Window, hour_of, hour_start
from pipeline.objects import ObjectRef
from pipeline.source.port import Listed
from pipeline.store.generations import Days
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Meta, Store
from pipeline.words import number_of

Kind = Literal["ledger", "day", "missing", "failed", "conflict", "half committed"]

GRACE = timedelta(hours=1)
"""How long an object may be on its way before it is missing."""

_LOOKED_UP = 1000
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong: a row (`expected` requests are not those `found`), or an object,
    with the reason."""

    kind: Kind
    name: str
    detail: str
    expected: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """The extent of an audit, and its findings.

    `missing` objects are older than the grace and neither counted nor failed; `waiting` ones are
    younger. `ledger_gap` is how many records the rows have too many or too few. `unshown` objects
    have lines that readers do not see: the rows of their days, `unshown_from` to before
    `unshown_to`, were gone when the retention was raised. A rebuild brings them back.
    """

    objects: int = 0
    rows: int = 0
    listed: int = 0
    waiting: int = 0
    ledger_gap: int = 0
    oldest_unprocessed_seconds: int = 0
    problems: list[Problem] = field(default_factory=list)
    missing: list[ObjectRef] = field(default_factory=list)
    unshown: int = 0
    unshown_from: str = ""
    unshown_to: str = ""


def audit(
    store: Store,
    window: Window,
    now: datetime,
    listed: Iterable[Listed] = (),
    on_object: Callable[[], None] = lambda: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Audit:
    """Check whole days: those that the window touches and whose rows have not expired.

    `listed` are the objects that should have been counted by now. Before it reads
    again, it sleeps as long as the store's reads may lag. Raises StoreError.
    """
    meta = store.meta()
    days = _days(window, meta, now)
    gone = _gone(window, meta)
    accounts = _Accounts(store, days, gone)
    for _ in range(_ROUNDS):
        book = accounts.ledger(on_object)
        rows, by_day = accounts.rows("hour"), accounts.rows("day")
        gaps: list[Problem] = []
        if book.most == rows and _days_of(rows) == by_day:
            break
        # Something was written meanwhile, or something is wrong: what comes after decides.
        sleep(store.lag_seconds)
        again, later = accounts.rows("hour"), accounts.ledger(on_object)
        gaps += _gaps("ledger", book.least, rows, later.most)
        gaps += _gaps("day", _days_of(rows), by_day, _days_of(again))
        if not gaps:
            break
    gap = sum(abs(each.found - each.expected) for each in gaps)
    count, waiting, missing, oldest = _unprocessed(store, listed, book.known, now)
    problems = gaps + book.problems
    problems += [
        Problem("missing", ref.name, "in the bucket, and neither counted nor failed")
        for ref in missing
    ]
    size = len(rows) + len(by_day)
    found = Audit(book.objects, size, count, waiting, gap, oldest, problems, missing)
    return replace(found, **book.told_of(gone)) if book.unshown else found


Place = tuple[str, int]
"""A site, and an hour or day since the epoch."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The compared figures of a row: records and rejected lines."""

    records: int = 0
    rejected: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(self.records + other.records, self.rejected + other.rejected)


@dataclass(slots=True)
class _Book:
    """The ledger's account by site and hour: at least, without what is half committed,
    and at most; and the objects that it knows."""

    least: dict[Place, Figures] = field(default_factory=lambda: defaultdict(Figures))
    most: dict[Place, Figures] = field(default_factory=lambda: defaultdict(Figures))
    objects: int = 0
    known: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    unshown: list[int] = field(default_factory=list)

    def told_of(self, gone: Days) -> dict[str, Any]:
        """The figures of an audit about objects that are not shown."""
        first, end = (hour_start(day * HOURS_PER_DAY) for day in (min(self.unshown), gone.end))
        return {
            "unshown": len(self.unshown),
            "unshown_from": f"{first:%Y-%m-%d}",
            "unshown_to": f"{end:%Y-%m-%d}",
        }

    def enter(self, entry: LedgerEntry, days: Days, gone: Days) -> None:
        """Account for one object; the rows of some days are `gone`."""
        self.objects += 1
        self.known.add(entry.ref.id)
        if entry.state == "committed" and entry.touches(gone):
            self.unshown.append(min(entry.hours) // HOURS_PER_DAY)
        if entry.state == "failed":
            tried = f"{entry.reason} (tried {number_of(entry.attempts, 'time')})"
            self.problems.append(Problem("failed", entry.ref.name, tried))
        if entry.state == "partial":
            detail = "delivered again, it is completed"
            self.problems.append(Problem("half committed", entry.ref.name, detail))
        if entry.conflict and not entry.conflict.dismissed:
            detail = "other content came under its name; the first is counted"
            self.problems.append(Problem("conflict", entry.ref.name, detail))
        places = entry.places
        first = min(places, default=None)
        for place, records in places.items():
            if place.hour // HOURS_PER_DAY not in days:
                continue
            rejected = sum(entry.rejected.values()) if place == first else 0
            self.most[place.site, place.hour] += Figures(records, rejected)
            if entry.state == "committed":
                self.least[place.site, place.hour] += Figures(records, rejected)


@dataclass(frozen=True, slots=True)
class _Accounts:
    """Reads the ledger and the rows of some days."""

    store: Store
    days: Days
    gone: Days

    def ledger(self, on_object: Callable[[], None]) -> _Book:
        """The ledger's account of these days."""
        book = _Book()
        generations = self.store.meta().generations
        for entry in self.store.objects(self._since()):
            book.enter(entry.as_read(generations), self.days, self.gone)
            on_object()
        return book

    def _since(self) -> datetime | None:
        """When the first object of these days can have been committed."""
        first = min(self.days.start, self.gone.start)
        return hour_start(first * HOURS_PER_DAY) - CLOCK_SKEW if first > 0 else None

    def rows(self, period: Period) -> dict[Place, Figures]:
        """The figures of every row of these days."""
        size = HOURS_PER_DAY if period == "hour" else 1
        span = Span(period, self.days.start * size, self.days.end * size)
        found: dict[Place, Figures] = defaultdict(Figures)
        for row in self.store.read(self.store.meta().sites, [span]):
            aggregate = row.aggregate
            found[row.key.site, row.key.start] += Figures(
                aggregate.totals.requests, aggregate.totals.rejected_lines
            )
        return found


def _days(window: Window, meta: Meta, now: datetime) -> Days:
    today = hour_of(now) // HOURS_PER_DAY
    # Lines may be a day ahead of their object.
    end = today + 2 if window.end is None else -(-window.end // HOURS_PER_DAY)
    # Earlier rows are gone, or the ledger no longer knows all of their objects.
    return Days(max(_first_day(window), meta.first_row_day, meta.first_ledger_day), end)


def _gone(window: Window, meta: Meta) -> Days:
    """The days that the retention allows, and whose rows were gone when it was raised."""
    kept = max(meta.settings.first_kept_day(meta.today), meta.first_ledger_day)
    return Days(max(_first_day(window), kept), meta.first_row_day)


def _first_day(window: Window) -> int:
    return 0 if window.start is None else window.start // HOURS_PER_DAY


def _days_of(hours: Mapping[Place, Figures]) -> dict[Place, Figures]:
    days: dict[Place, Figures] = defaultdict(Figures)
    for (site, hour), figures in hours.items():
        days[site, hour // HOURS_PER_DAY] += figures
    return days


def _gaps(
    kind: Literal["ledger", "day"],
    before: Mapping[Place, Figures],
    found: Mapping[Place, Figures],
    after: Mapping[Place, Figures],
) -> Iterable[Problem]:
    """The rows that are not between what was read before them and after."""
    nothing = Figures()
    for site, start in sorted({*before, *found, *after}):
        place = (site, start)
        least, figures, most = (each.get(place, nothing) for each in (before, found, after))
        for what in ("records", "rejected"):
            low, value, high = (getattr(each, what) for each in (least, figures, most))
            if not low <= value <= high:
                expected = low if value < low else high
                yield Problem(kind, _row_name(kind, place), f"{what} differ", expected, value)


def _row_name(kind: Literal["ledger", "day"], place: Place) -> str:
    site, start = place
    if kind == "day":
        return f"{site} {hour_start(start * HOURS_PER_DAY):%Y-%m-%d}"
    return f"{site} {hour_start(start):%Y-%m-%dT%H}"


def _unprocessed(
    store: Store, listed: Iterable[Listed], known: set[str], now: datetime
) -> tuple[int, int, list[ObjectRef], int]:
    """How many were listed, how many of them wait, which are missing, and the age of the oldest
    of both in seconds."""
    count = waiting = oldest = 0
    missing: list[ObjectRef] = []
    left = iter(listed)
    while batch := list(islice(left, _LOOKED_UP)):
        count += len(batch)
        unknown = [each for each in batch if each.ref.id not in known]
        ledger = store.ledger([each.ref for each in unknown])
        for ref, modified in unknown:
            if ref in ledger:
                continue
            age = now - modified
            oldest = max(oldest, int(age.total_seconds()))
            if age < GRACE:
                waiting += 1
            else:
                missing.append(ref)
    return count, waiting, missing, oldest
