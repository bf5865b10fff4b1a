"""Dollars a month, from what the code really asks of AWS: `python -m benchmarks.cost`.

A day of traffic goes through the real ingest into DynamoDB Local. Every request to the table is
metered by the size of its items, as AWS counts them; a summary and an audit are metered too. The
counts of a month follow from that, and docs/cost.md is written again.
"""

import gzip
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks import prices
from benchmarks.generate import START, requests, standard_text
from pipeline.answer.summary import window_summary
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
MINUTES = 60 * 24 * 30
RATES = (1, 100, 1000, 10_000)
BATCH, WINDOW_SECONDS = 80, 120
POLLERS = 5
"""How many batches Lambda gathers at the same time; a message goes to one of them."""
INGEST_GB, SUMMARIES_GB, AUDIT_GB = 1769 / 1024, 1.0, 1.0
S3_SECONDS = 0.05
"""Seconds that a GET takes, of which eight go on at the same time: an assumption."""
SNAPSHOTS = MINUTES // 5
"""One every five minutes, computed each time."""
AUDITS = 24 * 30
AUDITED_DAYS = 3
KEPT_MONTHS = 3
"""As long as the bucket keeps its objects, by default."""
ITEM_OVERHEAD = 100
"""Bytes that DynamoDB adds to every stored item, in the table and in the index."""
METRICS = 5
"""Those that are sent all the time: objects, records, and the three of the audit."""
LOGGED_BYTES = 1500
"""Of an invocation: its report, its metrics, a line or two."""

DAY = START // 86_400


@dataclass
class Meter:
    """What a client asked of a table, in units of DynamoDB.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"""

    writes: float = 0
    reads: float = 0
    calls: dict[str, int] = field(default_factory=dict)

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
        if model.name in ("PutItem", "UpdateItem"):
            self.writes += _kilobytes(params.get("Item", params.get("Key")))

    def _on_answer(self, parsed: Any, model: Any, **_: Any) -> None:
        if model.name == "BatchGetItem":
            for items in parsed["Responses"].values():
                self.reads += sum(ceil(_size(item) / 4096) for item in items)
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
    """What a day at one batch size took, per batch and per object; rows in bytes."""

    batches: int
    objects: int
    writes: float
    reads: float
    seconds: float
    summary_reads: float
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
            key = f"E2EXAMPLE2COST.{moment:%Y-%m-%d-%H}.{number:08x}.gz"
            day[key] = gzip.compress(text.replace(stamp, mine), 6)
    return day


def batches(day: dict[str, bytes], sizes: list[int]) -> Iterator[list[ObjectRef]]:
    """The day's objects in batches, the same ones again and again where they are not enough: an
    object under another name is another object."""
    keys = list(day)
    hours = [keys[start : start + 60] for start in range(0, len(keys), 60)]
    for of_hour in hours:
        objects = (
            ObjectRef("b", key.replace(".gz", f".{copy}.gz"), "e")
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
        name, number, _, _ = ref.key.rsplit(".", 3)
        with super().open(ObjectRef("b", f"{name}.{number}.gz", "e")) as content:
            yield content._replace(ref=ref)


def measure(endpoint: str, day: dict[str, bytes], sizes: list[int]) -> Day:
    """Run a day, of which every hour has batches of these sizes."""
    client = dynamodb_local.client(endpoint)
    table = dynamodb_local.new_table(client)
    end = datetime.fromtimestamp((DAY + 1) * 86_400 - 1, UTC)
    store = DynamoStore(client, table, clock=lambda: end)
    reading = Reading(visitors=Visitors(store.visitor_key()))
    ingest = Ingest(Reader(Copies(day, end), reading), store)
    ingest([ObjectRef("b", f"{next(iter(day))[:-3]}.x.gz", "e")])  # registers the site
    meter = Meter()
    meter.watch(client)
    count = objects = 0
    began = time.monotonic()
    for batch in batches(day, sizes):
        outcomes = ingest(batch)
        if {each.state for each in outcomes} != {"committed"}:
            raise RuntimeError(f"not everything was committed: {outcomes}")
        count += 1
        objects += len(batch)
    seconds = time.monotonic() - began
    writes, reads = meter.writes, meter.reads
    window_summary(store, Window(DAY * 24 + 1, DAY * 24 + 24))  # hours, as nearly every snapshot is
    summary_reads = meter.reads - reads
    before = meter.reads
    began = time.monotonic()
    audit(store, Window(DAY * 24, DAY * 24 + 24), end)
    audit_seconds = time.monotonic() - began
    audit_reads = meter.reads - before
    pages = client.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    of_rows = [_size(item) for item in items if item["pk"]["S"][:4] in ("hour", "day#")]
    of_ledger = [_size(item) for item in items if item["pk"]["S"].startswith("object#")]
    client.delete_table(TableName=table)
    return Day(
        count,
        objects,
        writes / count,
        reads / count,
        seconds / count,
        summary_reads,
        audit_reads,
        audit_seconds,
        sum(of_rows),
        sum(of_ledger) / len(of_ledger),
        sum(map(len, day.values())) / len(day),
    )


def month(rate: int, batch: float, day: Day) -> dict[str, float]:
    """Dollars a month at so many objects a minute in batches of so many, by part."""
    objects = rate * MINUTES
    invocations = objects / batch
    per_object = day.objects / day.batches
    # A batch's own writes (rows, fence) and what every object adds (ledger, index).
    per_batch = day.writes - 3 * per_object
    writes = invocations * per_batch + objects * 3
    reads = invocations * day.reads + SNAPSHOTS * day.summary_reads
    audited = day.audit_reads / day.objects * rate * 1440 * AUDITED_DAYS
    seconds = day.seconds / per_object * batch + ceil(batch / 8) * S3_SECONDS
    ledger_gb = objects * KEPT_MONTHS * (day.entry + ITEM_OVERHEAD) / 1e9
    rows_gb = day.rows * 30 * KEPT_MONTHS / 1e9
    return {
        "Lambda": (
            invocations * (seconds * INGEST_GB * prices.LAMBDA_GB_SECOND + prices.LAMBDA_REQUEST)
            + SNAPSHOTS * (0.5 * SUMMARIES_GB * prices.LAMBDA_GB_SECOND + prices.LAMBDA_REQUEST)
            + AUDITS * _audit_seconds(day, rate) * AUDIT_GB * prices.LAMBDA_GB_SECOND
        ),
        # Sent by S3, received and deleted ten at a time, and polled for every twenty seconds.
        "SQS": (objects * 1.2 + POLLERS * MINUTES * 3) * prices.SQS_REQUEST,
        "DynamoDB writes": writes * prices.WRITE_UNIT,
        "DynamoDB reads": (reads + AUDITS * audited) * prices.READ_UNIT,
        # The index holds the ledger again, and is not backed up.
        "DynamoDB storage": (2 * ledger_gb + rows_gb) * prices.TABLE_GB_MONTH
        + (ledger_gb + rows_gb) * prices.TABLE_BACKUP_GB_MONTH,
        "S3 requests": objects * prices.S3_GET
        + AUDITS * (rate * 1440 * AUDITED_DAYS / 1000 + 3) * prices.S3_LIST,
        "API": SNAPSHOTS * prices.API_REQUEST,
    }


def _audit_seconds(day: Day, rate: int) -> float:
    return day.audit_seconds / day.objects * rate * 1440 * AUDITED_DAYS


def beside(rate: int, batch: float) -> dict[str, float]:
    """What every stack like it pays on top: the secret, the metrics, logs and traces."""
    invocations = rate * MINUTES / batch + SNAPSHOTS + AUDITS
    return {
        "Secrets Manager": prices.SECRET_MONTH,
        "CloudWatch metrics": METRICS * prices.METRIC_MONTH,
        "CloudWatch logs": invocations * LOGGED_BYTES / 1e9 * prices.LOGS_GB,
        "X-Ray": _traced(invocations) * prices.TRACE,
    }


def _traced(invocations: float) -> float:
    """One in a second, and 5 % of the others."""
    every_second = MINUTES * 60
    return min(invocations, every_second) + 0.05 * max(0, invocations - every_second)


def allowed(parts: dict[str, float]) -> float:
    """The same, after the allowances that AWS gives every account for ever."""
    return sum(max(0.0, value - prices.ALLOWANCES.get(name, 0)) for name, value in parts.items())


def batch_of(rate: int, window: int = WINDOW_SECONDS) -> float:
    """Objects in a batch: what comes within the window, spread over those that gather it."""
    return min(BATCH, 1 + rate * window / 60 / POLLERS)


def main() -> None:
    """Measure, and write docs/cost.md."""
    if reason := dynamodb_local.missing():
        sys.exit(reason)
    day = bodies()
    with dynamodb_local.running() as endpoint:
        small = measure(endpoint, day, [1, 1, 1, 1, 2] * 10)
        large = measure(endpoint, day, [BATCH] * 6)
    days = {rate: small if rate == 1 else large for rate in RATES}
    path = Path(__file__).parent.parent / "docs" / "cost.md"
    path.write_text(document(days))
    sys.stdout.write(path.read_text())


def document(days: dict[int, Day]) -> str:
    """docs/cost.md."""
    parts = {rate: month(rate, batch_of(rate), days[rate]) for rate in RATES}
    others = {rate: beside(rate, batch_of(rate)) for rate in RATES}
    head = "| objects a minute |" + "".join(f" {rate:,} |" for rate in RATES)
    rule = "|---|" + "---:|" * len(RATES)
    rows = [_row(name, [parts[rate][name] for rate in RATES]) for name in parts[1]]
    whole = _row("**together**", [sum(parts[rate].values()) for rate in RATES])
    more = [_row(name, [others[rate][name] for rate in RATES]) for name in others[1]]
    all_of_it = _row(
        "with these too",
        [sum(parts[rate].values()) + sum(others[rate].values()) for rate in RATES],
    )
    after_allowances = _row(
        "after AWS's allowances", [allowed(parts[rate] | others[rate]) for rate in RATES]
    )
    gigabytes = [rate * 1440 * days[rate].gzipped / 1e9 for rate in RATES]
    athena = _row(
        "Athena, one question over a day", [each / 1000 * prices.ATHENA_TB for each in gigabytes]
    )
    athena_month = _row(
        "Athena, one over a month", [each * 30 / 1000 * prices.ATHENA_TB for each in gigabytes]
    )
    windows = [
        _row(
            f"`BatchWindow` {window}",
            [sum(month(rate, batch_of(rate, window), days[rate]).values()) for rate in RATES],
        )
        for window in (10, 60, 120, 300)
    ]
    added = [parts[rate]["DynamoDB storage"] / KEPT_MONTHS for rate in RATES]
    small, large = days[1], days[100]
    return TEMPLATE.format(
        date=prices.DATE,
        table="\n".join([head, rule, *rows, whole, *more, all_of_it, after_allowances]),
        windows="\n".join([head, rule, *windows]),
        added=f"{_dollars(added[0])} $ at 1 object a minute, {_dollars(added[1])} $ at 100",
        kept=KEPT_MONTHS,
        audit_seconds=f"{_audit_seconds(large, 100):.0f}",
        athena="\n".join([head, rule, athena, athena_month]),
        one=f"{small.objects / small.batches:.1f}",
        writes=f"{small.writes:.0f}",
        reads=f"{small.reads:.0f}",
        milliseconds=f"{1000 * small.seconds:.0f}",
        large=BATCH,
        large_writes=f"{large.writes:.0f}",
        large_reads=f"{large.reads:.0f}",
        large_milliseconds=f"{1000 * large.seconds:.0f}",
        summary=f"{large.summary_reads:.0f}",
        audit=f"{1000 * large.audit_reads / large.objects:.0f}",
        rows=f"{large.rows / 25 / 1000:.1f}",
        entry=f"{large.entry:.0f}",
        gzipped=f"{small.gzipped / 1000:.0f}",
        lines=f"{LINES:,}",
        window=WINDOW_SECONDS,
        pollers=POLLERS,
        batches=", ".join(f"{batch_of(rate):.1f} at {rate:,}" for rate in RATES),
        s3=f"{1000 * S3_SECONDS:.0f}",
    )


def _row(name: str, dollars: list[float]) -> str:
    return f"| {name} |" + "".join(f" {_dollars(each)} |" for each in dollars)


def _dollars(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.01 else f"{value:.4f}"


TEMPLATE = """# What it costs

Written by `python -m benchmarks.cost`; not by hand. Dollars a month on the default settings, with
{lines} lines in an object, at list prices of us-east-1 as known in {date} (`benchmarks/prices.py`),
without any of AWS's free allowances; the last row is with those that every account has for ever:

{table}

The delivery of the logs themselves (S3 PUT and storage) is CloudFront's and the same for every tool
that reads them; it is not in the table.

## What was measured

The real ingest, on a day of generated traffic, into DynamoDB Local; units are counted from the
sizes of the items, as AWS counts them.

| | batches of {one} | batches of {large} |
|---|---:|---:|
| write units a batch | {writes} | {large_writes} |
| read units a batch | {reads} | {large_reads} |
| milliseconds a batch, on the machine of the run | {milliseconds} | {large_milliseconds} |

A summary of 24 hours reads {summary} units, an audit {audit} per 1,000 objects. A full row is
{rows} KB, a ledger row {entry} bytes, an object {gzipped} KB gzipped.

## What was assumed

- Objects in a batch: those that come within the window of {window} s, spread over the {pollers}
  batches that Lambda gathers at the same time (the worst case): {batches}.
- A GET takes {s3} ms, of which eight go on at the same time.
- A snapshot is computed every five minutes, and asked for as often; an audit runs every hour.
- Storage is that of the {kept} months for which the bucket keeps its objects, with point-in-time
  recovery. Hours, days and the ledger are kept for ever unless `RetentionDays` says otherwise: each
  further month adds {added}.
- An audit at 100 objects a minute takes {audit_seconds} s of a processor like that of the run. From
  some 1,000 on it should look less far back (`AuditHours`).
- From about 1,000 objects a minute on, commits meet more often: see the shards in
  [operations](operations.md). What has to be tried again is not in the table.

Where it goes: every batch writes an hour and a day row whole, whatever it adds, so fewer and larger
batches are what saves; every object writes a ledger row and its place in the index (3 units).
Together, by how many seconds an object may wait for its batch:

{windows}

## Beside it

{athena}

Athena reads the objects themselves, $5 for each TB (compressed), each time a question is asked, and
starts at 10 MB a query. Published figures of others:

- AWS's solution *Centralized Logging with OpenSearch* estimates 216 $ a month for 10 GB of logs a
  day, kept for 30 days
  ([cost](https://docs.aws.amazon.com/solutions/latest/centralized-logging-with-opensearch/cost.html)).
  1,000 lines a minute of these logs are 0.7 GB a day, uncompressed.
- CloudWatch Logs takes 0.50 $ for each GB that is ingested
  ([prices](https://aws.amazon.com/cloudwatch/pricing/)): 10 $ a month at 1 object a minute, 1,000 $
  at 100.
- GoAccess is free, and needs a machine that is always on.
"""


if __name__ == "__main__":
    main()
