"""Sites within a stream, on every store: one object counts into several, exactly once."""

import gzip
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from pipeline.hour.aggregate import merge
from pipeline.hours import Span, Window
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store.generations import Days
from pipeline.store.port import Store
from pipeline.tally.naming import Admission
from pipeline.upkeep.audit import audit
from pipeline.upkeep.rebuild import confirm, rebuild
from tests.support.sources import BodySource

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
DAY = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()) // 86_400
HEADER = "#Fields: date time cs-uri-stem x-host-header distributionid\n"
Line = tuple[int, str, str]
"""The hour of a line, its host and its distribution."""

SEVERAL: dict[str, list[Line]] = {
    "a": [(9, "a.example", "E1"), (9, "b.example", "E2"), (10, "b.example:443", "E2")],
    "b": [(10, "-", "-"), (10, "B.example.", "E2"), (11, "c.example", "E1")],
    "E9.2026-11-22-10.x.gz": [(10, "a.example", "E9"), (10, "d.example", "E8")],
}
MANY = {"many": [(hour, f"h{n}.example", "E1") for n in range(40) for hour in (9, 10, 10)]}


def body(lines: list[Line], more: str = "") -> bytes:
    """An object of such lines, on one day."""
    rows = (f"2026-11-22\t{hour:02}:00:00\t/\t{host}\t{of}\n" for hour, host, of in lines)
    return gzip.compress((HEADER + "".join(rows) + more).encode())


def ingest(store: Store, objects: dict[str, list[Line]], by: str, most: int = 100) -> Ingest:
    """As the composition root makes one."""
    source = BodySource({key: body(lines) for key, lines in objects.items()}, MODIFIED)
    admission = Admission(partial(store.admit, most=most), most)
    return Ingest(Reader(source, Reading(), site_by=by, admit=admission), store)


def ref(key: str) -> ObjectRef:
    return ObjectRef("b", key, etag="e")


def counted(store: Store, period: str = "hour") -> Counter[tuple[str, int]]:
    """The requests of each site's hours of the day; or of its day, as of hour -1."""
    span = Span("hour", None, None) if period == "hour" else Span("day", None, None)
    found: Counter[tuple[str, int]] = Counter()
    for row in store.read(store.meta().sites, [span]):
        hour = row.key.start - DAY * 24 if period == "hour" else -1
        found[row.key.site, hour] += row.aggregate.totals.requests
    return +found


BY_HOST = {
    ("a.example", 9): 1,
    ("b.example", 9): 1,
    ("b.example", 10): 2,
    ("default", 10): 1,
    ("c.example", 11): 1,
    ("a.example", 10): 1,
    ("d.example", 10): 1,
}
BY_DISTRIBUTION = {
    ("E1", 9): 1,
    ("E2", 9): 1,
    ("E2", 10): 2,
    ("default", 10): 1,
    ("E1", 11): 1,
    ("E9", 10): 1,
    ("E8", 10): 1,
}
BY_KEY = {**BY_DISTRIBUTION, ("E9", 10): 2}
del BY_KEY["E8", 10]


@pytest.mark.parametrize(
    ("by", "expected"),
    [("host", BY_HOST), ("distribution", BY_DISTRIBUTION), ("key", BY_KEY)],
)
def test_lines_count_for_the_sites_that_they_name(
    store: Store, by: str, expected: dict[tuple[str, int], int]
) -> None:
    """By host, by distribution, or by the key; and the distribution if the key names no site."""
    count = ingest(store, SEVERAL, by)
    refs = [ref(key) for key in SEVERAL]
    assert {each.state for each in count([*refs, *refs])} == {"committed", "duplicate"}
    assert {each.state for each in count(refs)} == {"duplicate"}
    assert counted(store) == expected
    assert counted(store, "day").total() == sum(map(len, SEVERAL.values()))
    assert {entry.ref.key: entry.records for entry in store.objects()} == {
        key: len(lines) for key, lines in SEVERAL.items()
    }
    assert audit(store, Window(None, None), MODIFIED).problems == []


@pytest.mark.parametrize("objects", [SEVERAL, MANY, SEVERAL | MANY])
def test_all_sites_together_have_each_object_once(
    store: Store, objects: dict[str, list[Line]]
) -> None:
    """Whatever hours are looked at, and if an object has more rows than a transaction holds."""
    count = ingest(store, objects, "host")
    for _ in range(2):
        count([ref(key) for key in objects])
    for first in range(9, 12):
        start = DAY * 24 + first
        rows = store.read(store.meta().sites, [Span("hour", start, None)])
        totals = merge(row.aggregate for row in rows).totals
        here = {key for key, lines in objects.items() if any(hour >= first for hour, *_ in lines)}
        assert totals.objects_since(start) == len(here)
    days = store.read(store.meta().sites, [Span("day", None, None)])
    assert merge(row.aggregate for row in days).totals.objects_since(DAY * 24) == len(objects)


def test_the_first_place_has_the_rejected_lines(store: Store) -> None:
    """So that lines in are records and rejected lines of all sites; the audit knows where."""
    source = BodySource({"a": body(SEVERAL["a"], "rubbish\n")}, MODIFIED)
    count = Ingest(Reader(source, Reading(), site_by="host"), store)
    assert [each.rejected for each in count([ref("a")])] == [{"too_few_fields": 1}]
    rejected = {
        row.key.site: row.aggregate.totals.rejected
        for row in store.read(store.meta().sites, [Span("hour", DAY * 24 + 9, DAY * 24 + 10)])
    }
    assert rejected == {"a.example": {"too_few_fields": 1}, "b.example": {}}
    assert audit(store, Window(None, None), MODIFIED).problems == []


def test_beyond_the_most_sites_hosts_are_other(store: Store) -> None:
    """A Host header is anyone's text: names are admitted once, whichever process asks."""
    lines = MANY["many"]
    one, two = ({f"{n}-{host}": [(9, host, "-")] for _, host, _ in lines} for n in range(2))
    first = ingest(store, one, "host", most=3)
    second = ingest(store, two, "host", most=3)
    with ThreadPoolExecutor(2) as pool:
        wait = [
            pool.submit(first, [ref(k) for k in one]),
            pool.submit(second, [ref(k) for k in two]),
        ]
        assert all(each.state == "committed" for done in wait for each in done.result())
    requests = counted(store)
    assert len(requests) == 4
    assert requests.total() == 80
    assert [requests[site, 9] for site in store.admit((), 3)] == [2, 2, 2]
    assert requests["(other)", 9] == 74
    assert audit(store, Window(None, None), MODIFIED).problems == []


@pytest.mark.parametrize("objects", [SEVERAL, SEVERAL | MANY])
def test_other_sites_are_counted_anew(store: Store, objects: dict[str, list[Line]]) -> None:
    """A rebuild after the setting was changed gives the rows of a count from the start."""
    refs = [ref(key) for key in objects]
    ingest(store, objects, "key")(refs)
    assert counted(store).total() == sum(map(len, objects.values()))
    by_host = ingest(store, objects, "host")
    done = rebuild(store, by_host.reader, Days(DAY, DAY + 1))
    assert (done.recounted, done.failed) == (len(objects), [])
    confirm(store)
    expected = Counter(BY_HOST) + Counter(
        (host, hour) for key in objects.keys() & MANY for hour, host, _ in MANY[key]
    )
    assert counted(store) == expected
    assert audit(store, Window(None, None), MODIFIED).problems == []
    assert {each.state for each in by_host(refs)} == {"duplicate"}
    rebuild(store, by_host.reader, Days(DAY, DAY + 1), [ref("a")])
    confirm(store)
    assert counted(store) == expected - Counter(
        {("a.example", 9): 1, ("b.example", 9): 1, ("b.example", 10): 1}
    )
    assert audit(store, Window(None, None), MODIFIED).problems == []


def test_names_that_are_sites_stay_so(store: Store) -> None:
    """The first come, up to the most; the sites that the store has already are among them."""
    ingest(store, {"a": SEVERAL["a"]}, "host")([ref("a")])
    assert store.admit((), 4) == {"a.example", "b.example"}
    assert store.admit({"c", "d", "e"}, 4) == {"a.example", "b.example", "c", "d"}
    assert store.admit({"e"}, 4) == {"a.example", "b.example", "c", "d"}
    assert store.admit({"e"}, 2) == {"a.example", "b.example", "c", "d"}
