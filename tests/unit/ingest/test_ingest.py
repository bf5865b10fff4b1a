"""The use case: every object on its own, all good ones together."""

import gzip
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.deadline import Deadline
from pipeline.errors import ObjectUnavailable, StoreError
from pipeline.hours import Span
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef, site_of
from pipeline.source.files import FileSource, file_ref
from pipeline.source.port import Content
from pipeline.store.counted import Delta
from pipeline.store.memory import MemoryStore
from pipeline.store.port import CommitResult, Store
from pipeline.store.sqlite import SqliteStore

LINE = b"#Fields: date time\n2026-11-23\t%02d:00:00\n"
BODIES = {f"h{hour}": LINE % hour for hour in range(6)} | {"bad": b"\x1f\x8brubbish", "bug": b""}


class DictSource:
    """Gives bodies from a dictionary; one of them raises what it should not."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        self.opened.append(ref.key)
        if ref.key == "bug":
            raise ZeroDivisionError
        if ref.key not in BODIES:
            raise ObjectUnavailable("it is gone")
        yield Content(ref, datetime(2026, 11, 23, tzinfo=UTC), [BODIES[ref.key]])


def refs(*keys: str) -> list[ObjectRef]:
    return [ObjectRef("b", key, etag="e") for key in keys]


def ingest(store: Store) -> Ingest:
    return Ingest(Reader(DictSource(), Reading()), store)


def test_outcomes_come_in_the_order_of_the_objects() -> None:
    """A bad one, a missing one and even a bug fail alone."""
    store = MemoryStore()
    outcomes = ingest(store)(refs("h1", "bad", "h2", "gone", "bug", "h1"))
    assert [each.state for each in outcomes] == [
        "committed",
        "failed",
        "committed",
        "failed",
        "failed",
        "duplicate",
    ]
    assert outcomes[3].reason == "it is gone"
    bug = "a bug in edgetally, please report it: ZeroDivisionError in open, line"
    assert outcomes[4].reason.startswith(bug)
    failed = store.ledger(refs("bad"))[refs("bad")[0]]
    assert (failed.state, failed.attempts) == ("failed", 1)


def test_what_the_ledger_knows_is_not_even_opened() -> None:
    """A duplicate costs a look into the ledger and nothing else."""
    count = ingest(MemoryStore())
    count(refs("h1"))
    assert count(refs("h1"))[0].state == "duplicate"
    assert isinstance(count.reader.source, DictSource)
    assert count.reader.source.opened == ["h1"]


def test_two_contents_of_one_name_in_a_batch_are_a_conflict() -> None:
    """The first is counted, the second is reported."""
    twice = [ObjectRef("b", "h1", etag="e1"), ObjectRef("b", "h1", etag="e2")]
    assert [each.state for each in ingest(MemoryStore())(twice)] == ["committed", "conflict"]


def test_a_failed_object_fails_each_of_its_deliveries() -> None:
    """No delivery of it may be acknowledged."""
    assert [each.state for each in ingest(MemoryStore())(refs("bad", "bad"))] == ["failed"] * 2


def test_a_damaged_row_stops_only_the_objects_of_its_hour(tmp_path: Path) -> None:
    """It is named and not overwritten; the other objects of the batch commit."""
    store = SqliteStore(tmp_path / "s.db")
    ingest(store)(refs("h1"))
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("UPDATE aggregates SET aggregate = x'00' WHERE period = 'hour'")
        db.execute("DELETE FROM aggregates WHERE period = 'day'")
        db.execute("UPDATE objects SET id = 'other'")
    db.close()
    outcomes = ingest(store)(refs("h1", "h2", "h3"))
    assert [each.state for each in outcomes] == ["failed", "committed", "committed"]
    assert "stored row default hour 2026-11-23T01 cannot be read" in outcomes[0].reason
    with pytest.raises(StoreError, match="2026-11-23T01"):
        list(store.read(["default"], [Span("hour", None, None)]))


class DownStore(MemoryStore):
    """A store that takes nothing."""

    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        raise StoreError("the table is gone")


def test_a_store_that_is_down_fails_what_was_parsed() -> None:
    """Nothing is acknowledged that was not committed."""
    outcomes = ingest(DownStore())(refs("h1", "bad"))
    assert [each.state for each in outcomes] == ["failed", "failed"]
    assert outcomes[0].reason == "the table is gone"


GZIPPED = gzip.compress(LINE % 1 + b"2026-11-23\t01:30:00\n" * 500)
REFUSED = {
    "truncated in the middle": GZIPPED[: len(GZIPPED) // 2],
    "truncated by eight bytes": GZIPPED[:-8],
    "truncated by one byte": GZIPPED[:-1],
    "a wrong checksum": GZIPPED[:-8] + b"\0\0\0\0" + GZIPPED[-4:],
    "a wrong length": GZIPPED[:-1] + b"\x7f",
    "trailing garbage": GZIPPED + b"garbage",
    "gzip in gzip in gzip": gzip.compress(gzip.compress(GZIPPED)),
    "random bytes": bytes(range(256)) * 40,
    "a second member cut": GZIPPED + GZIPPED[:-5],
    "other fields without a header": b"1795428000\tx\ty\n" * 9,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_object_leaves_nothing_but_its_failure(name: str) -> None:
    """Though good lines came before the damage, no row and no site is written."""
    store = MemoryStore()
    (outcome,) = Ingest(Reader(BytesSource(REFUSED[name]), Reading()), store)(refs("x"))
    assert outcome.state == "failed"
    assert outcome.reason
    assert not outcome.reason.startswith("a bug")
    assert store.meta().sites == ()
    entry = store.ledger(refs("x"))[refs("x")[0]]
    assert (entry.state, entry.reason) == ("failed", outcome.reason)


@pytest.mark.parametrize(
    ("name", "body", "records"),
    [
        (
            "several members, cut inside a line",
            gzip.compress(b"#Fields: da") + gzip.compress(b"te time\n"),
            0,
        ),
        ("trailing zeros", GZIPPED + bytes(512), 501),
        ("nothing at all", b"", 0),
        ("an empty gzip", gzip.compress(b""), 0),
        ("a header without rows", gzip.compress(b"#Version: 1.0\n#Fields: date time\n"), 0),
        ("plain text", LINE % 1, 1),
    ],
)
def test_an_odd_but_whole_object_is_counted(name: str, body: bytes, records: int) -> None:
    """Also as an object of no records."""
    (outcome,) = Ingest(Reader(BytesSource(body), Reading()), MemoryStore())(refs("x"))
    assert (outcome.state, outcome.records) == ("committed", records)


class BytesSource:
    """Gives the same bytes for every object."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        yield Content(ref, datetime(2026, 11, 23, tzinfo=UTC), [self.body])


def test_a_file_is_known_by_its_absolute_path_and_content(tmp_path: Path) -> None:
    """And one that changes while it is read counts nothing."""
    file = tmp_path / "a.log"
    file.write_bytes(LINE % 1)
    ref = file_ref(file)
    assert (ref.bucket, ref.key, ref.size) == ("", str(file), len(LINE % 1))
    count = Ingest(Reader(FileSource(), Reading()), MemoryStore())
    file.write_bytes(LINE % 2)
    (outcome,) = count([ref])
    assert outcome.state == "failed"
    assert "it was changed since" in outcome.reason
    assert count([file_ref(file)])[0].state == "committed"
    with pytest.raises(ObjectUnavailable, match="No such file"):
        file_ref(tmp_path / "none")
    with pytest.raises(ObjectUnavailable, match="not UTF-8"):
        file_ref(tmp_path / os.fsdecode(b"caf\xe9.log"))


@pytest.mark.parametrize(
    ("key", "site"),
    [
        ("EMLARXS9EXAMPLE.2019-11-14-20.RT4KCN4SGK9.gz", "EMLARXS9EXAMPLE"),
        ("prefix/E2KG6TMBAL2PBU.2021-01-23-13.23aaa605.gz", "E2KG6TMBAL2PBU"),
        ("AWSLogs/1/CloudFront/E123.2026-05-10-01.abc.parquet", "E123"),
        ("AWSLogs/aws-account-id=1/CloudFront/DistributionId=E5/year=2026/x.gz", "E5"),
        ("prefix/distributionid=E6/year=2026/month=08/x.parquet", "E6"),
        ("cloudfront-realtime/shop/year=2026/x.gz", "shop"),
        ("elsewhere/x.gz", "default"),
    ],
)
def test_the_site_is_in_the_key(key: str, site: str) -> None:
    """A standard name has it; else the configured pattern; else it is the default site."""
    assert site_of(key, re.compile("cloudfront-realtime/(?P<site>[a-z]+)/")) == site


class SlowSource(DictSource):
    """Takes a while to open an object, as S3 does, and counts how many it opens at once."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.at_once = self.most = 0

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.02)
        with self.lock:
            self.at_once -= 1
        yield Content(ref, datetime(2026, 11, 23, tzinfo=UTC), [BODIES["h1"]])


def test_objects_are_opened_eight_at_a_time() -> None:
    """Waiting for S3 takes longer than counting; the outcomes come in order all the same."""
    source = SlowSource()
    keys = [f"k{number:02}" for number in range(40)]
    outcomes = Ingest(Reader(source, Reading()), MemoryStore())(refs(*keys))
    assert [each.ref.key for each in outcomes] == keys
    assert {each.state for each in outcomes} == {"committed"}
    assert source.most == 8


def test_a_batch_of_large_objects_is_committed_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read does not wait in memory for the end of the batch."""
    monkeypatch.setattr("pipeline.ingest.reader._TOGETHER", 2500)
    store = MemoryStore()
    commits: list[int] = []
    commit = store.commit

    def noted(delta: Delta, deadline: Deadline) -> CommitResult:
        commits.append(len(delta.objects))
        return commit(delta, deadline)

    monkeypatch.setattr(store, "commit", noted)
    batch = [ObjectRef("b", f"h{n}", "e", size=1000) for n in range(6)]
    outcomes = ingest(store)([*batch, *refs("bad")])
    assert [each.state for each in outcomes] == ["committed"] * 6 + ["failed"]
    assert commits == [3, 3]
