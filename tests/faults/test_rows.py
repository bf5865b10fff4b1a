"""What must neither lose nor invent a count, one by one, each in the plainest form it has."""

import json
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import pytest
from botocore.config import Config
from moto import mock_aws

import handlers.ingest
from pipeline.deadline import NEVER, Deadline
from pipeline.errors import CorruptRow, QueueError
from pipeline.hour import codec
from pipeline.hour.aggregate import merge
from pipeline.hours import Span
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.source.queue import Queue
from pipeline.source.s3 import S3Source
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from tests.faults.world import READING, Made, World
from tests.support import dynamodb_local
from tests.support.clock import FakeClock, Sleeper, reading_ends_after
from tests.support.dynamodb_faults import (
    Crash,
    Faults,
    broken,
    conflict,
    crash_after,
    crash_before,
    lost_answer,
    throttled,
)
from tests.unit.handlers.test_handlers import CONTEXT

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def made(number: int, *hours: int, version: int = 0) -> Made:
    """An object with a request in each of these hours before its own time."""
    requests = tuple((each, f"/{number % 3}") for each in hours or (number % 5, 7))
    return Made(f"E{number % 2 + 1}.2026-11-23-05.{number}.gz", version, requests)


class Scene:
    """A bucket, a store, and the deliveries between them."""

    def __init__(self, store: Store, count: int = 3) -> None:
        self.store = store
        self.world = World()
        self.objects = [made(number) for number in range(count)]
        for each in self.objects:
            self.world.put(each)

    @property
    def refs(self) -> list[ObjectRef]:
        return [each.ref for each in self.objects]

    def deliver(
        self, refs: Sequence[ObjectRef] | None = None, deadline: Deadline = NEVER
    ) -> list[str]:
        """What becomes of a batch of events; of one for every object, if nothing else is said."""
        ingest = Ingest(self.world.reader("", READING), self.store)
        outcomes = ingest(self.refs if refs is None else refs, deadline=deadline)
        return [each.state for each in outcomes]

    def sound(self, committed: int, now: datetime = NOW) -> None:
        """So many objects are counted, and the store is what they are."""
        entries = list(self.store.objects())
        assert sum(each.state == "committed" for each in entries) == committed
        self.world.check(self.store, lambda _: 0, now)


@pytest.fixture
def scene(store: Store) -> Scene:
    """Three objects, and each kind of store."""
    return Scene(store)


class OnDynamo(Scene):
    """The same on DynamoDB, with faults between client and server."""

    def __init__(self, endpoint: str) -> None:
        client = dynamodb_local.client(endpoint)
        self.faults = Faults(client)
        self.table = dynamodb_local.new_table(client)
        self.client = client
        super().__init__(DynamoStore(client, self.table, {"retention_days": 30}, clock=lambda: NOW))


@pytest.fixture
def dynamo(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> OnDynamo:
    """A client whose transactions can be interfered with, and that does not wait to try again."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    return OnDynamo(dynamodb.meta.endpoint_url)


def test_row_01_the_same_event_twice(scene: Scene) -> None:
    """The second is a duplicate."""
    assert scene.deliver() == ["committed"] * 3
    assert scene.deliver() == ["duplicate"] * 3
    scene.sound(3)


def test_row_02_the_same_event_on_sixteen_workers_at_once(store: Store) -> None:
    """One of them counts it."""
    scene = Scene(store, 1)
    with ThreadPoolExecutor(16) as pool:
        states = list(pool.map(lambda _: scene.deliver()[0], range(16)))
    assert sorted(states) == ["committed"] + ["duplicate"] * 15
    scene.sound(1)


def test_row_03_a_duplicate_inside_one_batch(scene: Scene) -> None:
    """It counts once."""
    states = scene.deliver([*scene.refs, scene.refs[0]])
    assert states == ["committed", "committed", "committed", "duplicate"]
    scene.sound(3)


def test_row_04_any_order_gives_the_same_bytes(store: Store) -> None:
    """In batches of any size."""
    scene = Scene(store, 12)
    rng = random.Random(4)
    refs = scene.refs
    rng.shuffle(refs)
    while refs:
        size = rng.randrange(1, 5)
        scene.deliver(refs[:size])
        refs = refs[size:]
    in_order = Scene(MemoryStore(), 12)
    for ref in in_order.refs:
        in_order.deliver([ref])
    assert images(store) == images(in_order.store)
    scene.sound(12)


def images(store: Store) -> dict[Any, bytes]:
    found: dict[Any, list[Any]] = {}
    for row in store.read(store.meta().sites, [Span("hour", None, None)]):
        found.setdefault(row.key, []).append(row.aggregate)
    return {key: codec.encode(merge(parts)) for key, parts in found.items()}


def test_row_05_a_crash_before_the_commit(dynamo: OnDynamo) -> None:
    """Nothing was written, and the event comes again."""
    dynamo.faults.plan(crash_before)
    with pytest.raises(Crash):
        dynamo.deliver()
    dynamo.sound(0)
    assert dynamo.deliver() == ["committed"] * 3
    dynamo.sound(3)


def test_row_05_a_crash_in_the_middle_of_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written of the transaction is gone with the process."""
    scene = Scene(SqliteStore(tmp_path / "store.db", {"retention_days": 30}, lambda: NOW))

    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.store.local.entered", crash)
        with pytest.raises(Crash):
            scene.deliver()
    scene.sound(0)
    assert scene.deliver() == ["committed"] * 3
    scene.sound(3)


def test_row_06_a_crash_after_the_commit(dynamo: OnDynamo) -> None:
    """The event comes again and finds the ledger row."""
    dynamo.faults.plan(crash_after)
    with pytest.raises(Crash):
        dynamo.deliver()
    dynamo.sound(3)
    assert dynamo.deliver() == ["duplicate"] * 3
    dynamo.sound(3)


def test_row_07_a_commit_whose_answer_is_lost_is_replayed_at_once(dynamo: OnDynamo) -> None:
    """By the client itself, with the same token: it is done once and reported as done."""
    dynamo.faults.plan(lost_answer)
    assert dynamo.deliver() == ["committed"] * 3
    dynamo.sound(3)


def test_row_07_and_again_when_the_token_has_expired(dynamo: OnDynamo) -> None:
    """Every try of the client loses its answer; the next delivery has another token."""
    dynamo.faults.plan(*[lost_answer] * 9)
    assert dynamo.deliver() == ["failed"] * 3
    dynamo.sound(3)
    dynamo.faults.clear()
    assert dynamo.deliver() == ["duplicate"] * 3
    dynamo.sound(3)


def test_row_08_a_storm_of_conflicts(dynamo: OnDynamo) -> None:
    """It passes, or the time is over: then everything fails and comes again."""
    dynamo.faults.plan(*[conflict] * 6)
    assert dynamo.deliver() == ["committed"] * 3
    dynamo.sound(3)
    later = made(9)
    dynamo.world.put(later)
    dynamo.faults.plan(*[conflict] * 500)
    assert dynamo.deliver([later.ref], Sleeper().deadline(30)) == ["failed"]
    dynamo.faults.clear()
    dynamo.sound(3)
    assert dynamo.deliver([later.ref]) == ["committed"]
    dynamo.sound(4)


def test_row_09_throttling_and_errors_of_the_table(dynamo: OnDynamo) -> None:
    """The client tries again; what it gives up comes again."""
    dynamo.faults.plan(throttled, broken, throttled)
    assert dynamo.deliver() == ["committed"] * 3
    later = made(9)
    dynamo.world.put(later)
    dynamo.faults.plan(*[throttled] * 9)
    assert dynamo.deliver([later.ref]) == ["failed"]
    assert dynamo.deliver([later.ref]) == ["committed"]
    dynamo.sound(4)


Answer = tuple[int, bytes, dict[str, str]]
"""Status, body and headers."""


@contextmanager
def server(*answers: Answer) -> Iterator[tuple[str, list[Any]]]:
    """The URL of a server with these answers, one after the other, and the bodies it was sent."""
    left = iter(answers)
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            status, body, headers = next(left)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 - their names there

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Keep the tests' output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", asked
        finally:
            running.shutdown()
            thread.join()


def test_row_09_throttling_and_errors_of_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    """The object is asked for again."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    body = made(1).body
    good = {"ETag": '"e0"', "Last-Modified": "Mon, 23 Nov 2026 06:00:00 GMT"}
    slow: Answer = (503, b"<Error><Code>SlowDown</Code></Error>", {})
    oops: Answer = (500, b"<Error><Code>InternalError</Code></Error>", {})
    with server(slow, oops, (200, body, good)) as (url, asked):
        client = boto3.client(
            "s3",
            endpoint_url=url,
            config=Config(retries={"mode": "standard", "max_attempts": 5}),
        )
        store = MemoryStore()
        (outcome,) = Ingest(Reader(S3Source(client), READING), store)([made(1).ref])
    assert (outcome.state, outcome.records, len(asked)) == ("committed", 2, 3)


def test_row_09_throttling_and_errors_of_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that were refused are sent again, those that were taken are not."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    refs = [made(number).ref for number in range(3)]

    def taken(*places: int) -> bytes:
        refused = [
            {"Id": str(n), "Code": "ServiceUnavailable", "SenderFault": False} for n in places
        ]
        return json.dumps({"Successful": [], "Failed": refused}).encode()

    kind = {"Content-Type": "application/x-amz-json-1.0"}
    oops = (500, b'{"__type":"com.amazonaws.sqs#InternalError","message":"oops"}', kind)
    with server(oops, (200, taken(1), kind), (200, taken(), kind)) as (url, asked):
        queue = Queue(boto3.client("sqs", endpoint_url=url), f"{url}/1/queue")
        queue.send(refs)
    sent = [[each["Id"] for each in json.loads(body)["Entries"]] for body in asked]
    assert sent == [["0", "1", "2"], ["0", "1", "2"], ["1"]]
    with server(*[(200, taken(2), kind)] * 5) as (url, asked):
        queue = Queue(boto3.client("sqs", endpoint_url=url), f"{url}/1/queue")
        with pytest.raises(QueueError, match="1 messages were refused: ServiceUnavailable"):
            queue.send(refs)


def test_row_10_the_deadline_in_the_middle_of_a_batch(scene: Scene) -> None:
    """What was read is committed, the rest comes again; also in the middle of an object."""
    for checks in range(12):
        states = scene.deliver(deadline=reading_ends_after(checks))
        assert set(states) <= {"committed", "duplicate", "postponed"}
        scene.sound(sum(state != "postponed" for state in states))
    assert scene.deliver() == ["duplicate"] * 3
    assert not [each for each in scene.store.objects() if each.state == "failed"]


@pytest.fixture
def function(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The ingest function on a scene: the numbers of the messages that it returns as failed."""
    ingest = Ingest(scene.world.reader("", READING), scene.store)
    monkeypatch.setattr(handlers.ingest, "configured", lambda: ingest)

    def invoke(*bodies: str, seconds: float = 120) -> list[str]:
        records = [
            {"messageId": str(number), "eventSource": "aws:sqs", "body": body}
            for number, body in enumerate(bodies)
        ]
        context: Any = SimpleNamespace(**vars(CONTEXT))
        context.get_remaining_time_in_millis = lambda: seconds * 1000
        answer = handlers.ingest.handler({"Records": records}, context)
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    return invoke


def event(key: str, etag: str = "", **changes: str) -> str:
    """A message of S3 about a new object, whose key is URL-encoded already."""
    record = {
        "eventSource": "aws:s3",
        "eventVersion": "2.1",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "b"}, "object": {"key": key, "eTag": etag}},
    }
    return json.dumps({"Records": [record | changes]})


def test_row_10_the_function_returns_what_it_had_no_time_for(
    scene: Scene, function: Callable[..., list[str]]
) -> None:
    """With one second left, which the report of the outcomes needs."""
    bodies = [event(each.key) for each in scene.objects]
    assert function(*bodies, seconds=1) == ["0", "1", "2"]
    scene.sound(0)
    assert function(*bodies) == []
    scene.sound(3)


def test_row_11_a_poison_message_among_good_ones(
    scene: Scene, function: Callable[..., list[str]]
) -> None:
    """The good ones commit, the poison comes again and ends in the dead-letter queue."""
    good = [event(each.key) for each in scene.objects]
    bodies = ['{"Records":[{}]}', good[0], "null", good[1], "not JSON", good[2]]
    assert function(*bodies) == ["0", "2", "4"]
    scene.sound(3)


def test_row_12_events_that_are_not_of_a_new_object(
    scene: Scene, function: Callable[..., list[str]]
) -> None:
    """Test events and deletions are acknowledged; an unknown version comes again."""
    key = scene.objects[0].key
    assert function(
        '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}',
        event(key, eventName="ObjectRemoved:Delete"),
        event(key, eventVersion="3.0"),
        event(key),
    ) == ["2"]
    scene.sound(1)


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("E1.2026-11-23-05.a+b.gz", "E1.2026-11-23-05.a b.gz"),
        ("E1.2026-11-23-05.a%2Bb.gz", "E1.2026-11-23-05.a+b.gz"),
        ("E1.2026-11-23-05.a%252Bb.gz", "E1.2026-11-23-05.a%2Bb.gz"),
        ("E1.2026-11-23-05.%C3%BC%E2%98%83.gz", "E1.2026-11-23-05.ü☃.gz"),
    ],
)
def test_row_13_keys_are_what_they_are(
    scene: Scene, function: Callable[..., list[str]], sent: str, key: str
) -> None:
    """URL-encoded in events, plain in the ledger."""
    scene.world.put(Made(key, 0, ((0, "/"),)))
    assert function(event(sent)) == []
    assert [each.ref.key for each in scene.store.objects()] == [key]
    scene.sound(1)


def test_row_14_an_object_that_is_gone_or_overwritten() -> None:
    """It counts nothing, its message fails; the event of the new content counts that."""
    store = MemoryStore()
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket="log-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
        )
        old = s3.put_object(Bucket="log-bucket", Key="E1.x.gz", Body=made(1).body)["ETag"].strip(
            '"'
        )
        new = s3.put_object(Bucket="log-bucket", Key="E1.x.gz", Body=made(2, 1, 2, 3).body)["ETag"]
        ingest = Ingest(Reader(S3Source(s3), READING), store)
        (gone,) = ingest([ObjectRef("log-bucket", "no such.gz", "e")])
        (overwritten,) = ingest([ObjectRef("log-bucket", "E1.x.gz", old)])
        assert (gone.state, overwritten.state) == ("failed", "failed")
        assert (gone.reason, overwritten.reason[:15]) == (
            "it is gone from the bucket",
            "it was overwrit",
        )
        assert images(store) == {}
        assert ingest([ObjectRef("log-bucket", "E1.x.gz", new.strip('"'))])[0].records == 3
        assert ingest([ObjectRef("log-bucket", "E1.x.gz", old)])[0].state == "conflict"
    (entry,) = [each for each in store.objects() if each.ref.key == "E1.x.gz"]
    assert entry.conflict is not None
    assert (entry.records, entry.conflict.etag) == (3, old)


def test_row_15_a_redrive_weeks_later(scene: Scene, clock: FakeClock) -> None:
    """What was counted meanwhile is a duplicate, what was not is counted."""
    scene.deliver(scene.refs[:2])
    clock.pass_time(days=13)
    assert scene.deliver() == ["duplicate", "duplicate", "committed"]
    scene.sound(3, clock())


@pytest.mark.parametrize("hours", [(24,), (5, 6), (6, 7, 30, 31), tuple(range(100))])
def test_row_16_late_rows_and_objects_over_many_hours(store: Store, hours: tuple[int, ...]) -> None:
    """A day late, across an hour, across days, over more than ninety hours."""
    scene = Scene(store)
    scene.deliver()
    long = made(9, *hours)
    scene.world.put(long)
    assert scene.deliver([long.ref]) == ["committed"]
    assert scene.deliver([long.ref]) == ["duplicate"]
    scene.sound(4)


DAMAGED = [b"damaged", codec.encode(merge([]))[:1] + b"\xff" * 9, b"\x63" + b"x" * 20]


@pytest.mark.parametrize("blob", DAMAGED)
def test_row_28_a_damaged_row_of_sqlite(tmp_path: Path, blob: bytes) -> None:
    """The error names the row; it is not overwritten, and other hours go on."""
    scene = Scene(SqliteStore(tmp_path / "store.db"), 1)
    scene.deliver()
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("UPDATE aggregates SET aggregate = ? WHERE period = 'hour'", (blob,))
    _stays_damaged(scene)
    with sqlite3.connect(tmp_path / "store.db") as db:
        rows = db.execute("SELECT DISTINCT aggregate FROM aggregates WHERE period = 'hour'")
        assert (blob,) in rows.fetchall()


@pytest.mark.parametrize("blob", DAMAGED)
def test_row_28_a_damaged_row_of_dynamodb(dynamo: OnDynamo, blob: bytes) -> None:
    """The same."""
    dynamo.objects = dynamo.objects[:1]
    dynamo.deliver()
    items = dynamo.client.scan(TableName=dynamo.table)["Items"]
    hours = [item for item in items if item["pk"]["S"].startswith("hour#")]
    for item in hours:
        dynamo.client.put_item(TableName=dynamo.table, Item=item | {"aggregate": {"B": blob}})
    _stays_damaged(dynamo)
    for item in hours:
        key = {name: item[name] for name in ("pk", "sk")}
        found = dynamo.client.get_item(TableName=dynamo.table, Key=key)["Item"]
        assert found["aggregate"]["B"] == blob


def _stays_damaged(scene: Scene) -> None:
    other, elsewhere = made(2, 0), made(2, 40)
    elsewhere = Made("E1.elsewhere.gz", 0, elsewhere.requests)
    scene.world.put(other)
    scene.world.put(elsewhere)
    ingest = Ingest(scene.world.reader("", READING), scene.store)
    stuck, fine = ingest([other.ref, elsewhere.ref])
    assert (stuck.state, fine.state) == ("failed", "committed")
    assert "stored row E1 hour 2026-11-23T06 cannot be read" in stuck.reason
    with pytest.raises(CorruptRow, match="E1 hour 2026-11-2"):
        images(scene.store)


@pytest.mark.parametrize("sent", [0, 10, 60])
def test_row_29_a_connection_to_s3_that_drops_in_mid_body(sent: int) -> None:
    """The rest is asked for, of the same object, and it counts once and whole."""
    body = made(1).body
    head = {"ETag": '"e0"', "Last-Modified": "Mon, 23 Nov 2026 06:00:00 GMT"}
    rest = head | {"Content-Range": f"bytes {sent}-{len(body) - 1}/{len(body)}"}
    store = MemoryStore()

    class Cut(bytes):
        """A body whose connection ends before its length."""

        def __len__(self) -> int:
            return len(body)

    with server((200, Cut(body[:sent]), head), (206, body[sent:], rest)) as (url, _):
        client = boto3.client("s3", endpoint_url=url, config=Config(read_timeout=1))
        ingest = Ingest(Reader(S3Source(client), READING), store)
        (outcome,) = ingest([made(1).ref])
    assert (outcome.state, outcome.records) == ("committed", 2)
    assert store.ledger([made(1).ref])[made(1).ref].records == 2


def test_row_32_rows_past_their_time_are_not_seen(scene: Scene, clock: FakeClock) -> None:
    """Though they are still there: neither by a reader nor by a redelivery."""
    scene.deliver()
    clock.pass_time(days=40)
    assert images(scene.store) == {}
    assert scene.deliver() == ["duplicate"] * 3
    clock.pass_time(days=40)
    assert scene.deliver() == ["failed"] * 3  # forgotten by now too: they may have been counted
    assert images(scene.store) == {}
    scene.sound(0, clock())
