"""What a day of traffic asks of DynamoDB: the real ingest into DynamoDB Local, with every request
metered by the size of its items, as AWS counts them."""

import gzip
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import ceil
from typing import Any

from benchmarks.generate import START, requests, standard_text
from pipeline.answer.service import serve_from
from pipeline.hours import Window
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store.dynamodb import DynamoStore
from pipeline.tally.visitors import Visitors
from pipeline.upkeep.audit import audit
from tests.support import dynamodb_local
from tests.support.sources import BodySource

LINES = 1000
DAY = START // 86_400
_SITE = "E2EXAMPLE2COST"


@dataclass
class Meter:
    """What a client asked of a table, in units of DynamoDB.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"""

    writes: float = 0
    reads: float = 0
    calls: dict[str, int] = field(default_factory=dict)
    _asked: int = 0

    def watch(self, client: Any) -> None:
        """Meter everything that this client does from now on."""
        client.meta.events.register("provide-client-params.dynamodb.*", self._on_request)
        client.meta.events.register("after-call.dynamodb.*", self._on_answer)

    def _on_request(self, params: Any, model: Any, **_: Any) -> None:
        self.calls[model.name] = self.calls.get(model.name, 0) + 1
        for action in params.get("TransactItems", []):
            ((kind, body),) = action.items()
            item = body["Item"] if kind == "Put" else body["Key"]
            units = _kilobytes(item)
            self.writes += 2 * units
            if "at_hour" in item:
                self.writes += units  # the index
        if model.name == "PutItem":
            self.writes += _kilobytes(params["Item"])
        if model.name == "UpdateItem":
            self.writes += _kilobytes(params["Key"] | params.get("ExpressionAttributeValues", {}))
        if model.name == "BatchGetItem":
            self._asked = sum(len(keys["Keys"]) for keys in params["RequestItems"].values())

    def _on_answer(self, parsed: Any, model: Any, **_: Any) -> None:
        if model.name == "BatchGetItem":
            found = [item for items in parsed["Responses"].values() for item in items]
            self.reads += sum(ceil(_size(item) / 4096) for item in found)
            self.reads += self._asked - len(found)  # an item that is not there costs a unit too
        elif model.name == "GetItem":
            self.reads += ceil(max(1, _size(parsed.get("Item", {}))) / 4096)
        elif model.name == "Query":  # eventually consistent: half
            self.reads += max(1, ceil(sum(map(_size, parsed["Items"])) / 4096)) / 2


def _kilobytes(item: Any) -> int:
    return max(1, ceil(_size(item) / 1024))


def _size(item: Any) -> int:
    """Bytes of an item: names and values."""
    size = 0
    for name, value in item.items():
        ((kind, found),) = value.items()
        size += len(name) + (len(found) if kind == "B" else len(str(found).encode()))
    return size


@dataclass(frozen=True)
class Day:
    """What a day at one batch size took, per batch and per object. Rows are in bytes, seconds are
    those of the processor."""

    batches: int
    objects: int
    writes: float
    reads: float
    calls: float
    seconds: float
    snapshot_reads: float
    snapshot_writes: float
    audit_reads: float
    audit_seconds: float
    rows: float
    entry: float
    gzipped: float


def bodies() -> dict[str, bytes]:
    """A day of objects, sixty in an hour; the hours have the same requests."""
    start = START // 3600 * 3600
    found = requests(1, 60 * LINES, 3600, start)
    texts = [standard_text(islice(found, LINES)) for _ in range(60)]
    stamp = f"\n{datetime.fromtimestamp(start, UTC):%Y-%m-%d\t%H:}".encode()
    day: dict[str, bytes] = {}
    for hour in range(24):
        moment = datetime.fromtimestamp(DAY * 86_400 + hour * 3600, UTC)
        mine = f"\n{moment:%Y-%m-%d\t%H:}".encode()
        for number, text in enumerate(texts):
            key = f"{_SITE}.{moment:%Y-%m-%d-%H}.{number:08x}.gz"
            day[key] = gzip.compress(text.replace(stamp, mine), 6)
    return day


def batches(day: dict[str, bytes], sizes: list[int], sites: int) -> Iterator[list[ObjectRef]]:
    """The day's objects in batches, of any of so many sites each. The same objects come again and
    again where they are not enough: an object under another name is another object."""
    rng = random.Random(1)  # noqa: S311 - keeps no secret
    keys = list(day)
    hours = [keys[start : start + 60] for start in range(0, len(keys), 60)]
    for of_hour in hours:
        objects = (
            ObjectRef("b", f"E2SITE{rng.randrange(sites):04}{key[len(_SITE) : -3]}.{copy}.gz", "e")
            for copy in range(10_000)
            for key in of_hour
        )
        for size in sizes:
            yield list(islice(objects, size))


class Copies(BodySource):
    """Every copy of an object has its body."""

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Any]:
        """See `Source.open`."""
        _, hour, number, _, _ = ref.key.split(".")
        with super().open(ObjectRef("b", f"{_SITE}.{hour}.{number}.gz", "e")) as content:
            yield content._replace(ref=ref)


def measure(endpoint: str, day: dict[str, bytes], sizes: list[int], sites: int = 1) -> Day:
    """Run a day, of which every hour has batches of these sizes, with objects of so many sites."""
    client = dynamodb_local.client(endpoint)
    table = dynamodb_local.new_table(client)
    end = datetime.fromtimestamp(DAY * 86_400 + len(day) * 60 - 1, UTC)
    store = DynamoStore(client, table, clock=lambda: end)
    ingest = Ingest(
        Reader(Copies(day, end), Reading(visitors=Visitors(store.visitor_key()))), store
    )
    meter = Meter()
    meter.watch(client)
    count = objects = 0
    began = time.process_time()
    for batch in batches(day, sizes, sites):
        outcomes = ingest(batch)
        if {each.state for each in outcomes} != {"committed"}:
            raise RuntimeError(f"not everything was committed: {outcomes}")
        count += 1
        objects += len(batch)
    seconds, calls = time.process_time() - began, sum(meter.calls.values())
    ingested = (meter.writes, meter.reads)
    # An hour before the end of the day: its rows are hours then, as nearly every snapshot's are.
    serve_from(store, lambda: end - timedelta(hours=1), _fail).snapshots.refresh()
    snapshot = (meter.writes - ingested[0], meter.reads - ingested[1])
    before = meter.reads
    began = time.process_time()
    audit(store, Window(DAY * 24, DAY * 24 + 24), end, sleep=lambda _: None)
    audit_seconds = time.process_time() - began
    audit_reads = meter.reads - before
    pages = client.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    of_rows = [_size(item) for item in items if item["pk"]["S"][:4] in ("hour", "day#")]
    of_ledger = [_size(item) for item in items if item["pk"]["S"].startswith("object#")]
    client.delete_table(TableName=table)
    return Day(
        batches=count,
        objects=objects,
        writes=ingested[0] / count,
        reads=ingested[1] / count,
        calls=calls / count,
        seconds=seconds / count,
        snapshot_reads=snapshot[1],
        snapshot_writes=snapshot[0],
        audit_reads=audit_reads,
        audit_seconds=audit_seconds,
        rows=sum(of_rows),
        entry=sum(of_ledger) / len(of_ledger),
        gzipped=sum(map(len, day.values())) / len(day),
    )


def _fail(error: Exception) -> None:
    raise error
