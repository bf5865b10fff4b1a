"""Dollars a month, from what the code really asks of AWS: `python -m benchmarks.cost`.

A day of traffic goes through the real ingest into DynamoDB Local. Every request to the table is
metered by the size of its items, as AWS counts them; a summary and an audit are metered too. The
counts of a month follow from that, and docs/cost.md is written again.
"""

import sys
from dataclasses import replace
from math import ceil
from pathlib import Path

from benchmarks import prices
from benchmarks.metered import LINES, Day, bodies, measure
from tests.support import dynamodb_local

MINUTES = 60 * 24 * 30
RATES = (1, 100, 1000, 10_000)
BATCH, WINDOW_SECONDS = 80, 120
WINDOWS = (10, 20, 60, 120, 300)
POLLERS = 5
"""How many batches Lambda gathers at the same time; a message goes to one of them."""
INGEST_GB, SUMMARIES_GB, AUDIT_GB = 1769 / 1024, 1.0, 1.0
PROCESSOR_GB = 1769 / 1024
"""The memory with which a function has one whole processor."""
S3_SECONDS = 0.05
"""Seconds that a GET takes, of which eight go on at the same time: an assumption."""
TABLE_SECONDS = 0.01
"""Seconds that a request to the table takes: an assumption."""
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

SITES = (1, 10, 100)
SITES_RATE = 100
"""Objects a minute, of which each is of any of so many sites."""
HOURS = 4
"""Hours in which batches are measured. Rows, a snapshot and an audit are those of a whole day."""


def month(rate: int, batch: float, day: Day) -> dict[str, float]:
    """Dollars a month at so many objects a minute in batches of so many, by part."""
    objects = rate * MINUTES
    invocations = objects / batch
    per_object = day.objects / day.batches
    # A batch's own writes (rows, fence) and what every object adds (ledger, index).
    per_batch = day.writes - 3 * per_object
    writes = invocations * per_batch + objects * 3 + SNAPSHOTS * day.snapshot_writes
    reads = invocations * day.reads + SNAPSHOTS * day.snapshot_reads
    audited = day.audit_reads / day.objects * rate * 1440 * AUDITED_DAYS
    seconds = day.seconds / per_object * batch + ceil(batch / 8) * S3_SECONDS
    seconds += day.calls * TABLE_SECONDS
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
    """Of the audit, which has only a part of a processor."""
    seconds = day.audit_seconds / day.objects * rate * 1440 * AUDITED_DAYS
    return seconds / min(1, AUDIT_GB / PROCESSOR_GB)


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


def freshness(rate: int, window: int) -> str:
    """The mean and the most seconds that an object waits for its batch. A full one waits no
    longer; the first object of a batch waits longest, the others half as long in the mean."""
    most = min(window, (BATCH - 1) * 60 * POLLERS / rate)
    size = batch_of(rate, window)
    return f"{most * (1 + (size - 1) / 2) / size:.0f} / {most:.0f}"


def main() -> None:
    """Measure, and write docs/cost.md."""
    if reason := dynamodb_local.missing():
        sys.exit(reason)
    day = bodies()
    with dynamodb_local.running() as endpoint:
        few_hours = dict(list(day.items())[: 60 * HOURS])
        whole_day = measure(endpoint, day, [BATCH])
        small = _in(whole_day, measure(endpoint, few_hours, [1, 1, 1, 1, 2] * 10))
        large = _in(whole_day, measure(endpoint, few_hours, [BATCH] * 6))
        size = round(batch_of(SITES_RATE))
        by_sites = {
            n: _in(whole_day, measure(endpoint, few_hours, [size] * 4, n), n) for n in SITES
        }
    days = {rate: small if rate == 1 else large for rate in RATES}
    path = Path(__file__).parent.parent / "docs" / "cost.md"
    path.write_text(document(days, by_sites))
    sys.stdout.write(path.read_text())


def _in(whole_day: Day, few_hours: Day, sites: int = 1) -> Day:
    """A day with the batches of a few hours and the rows of a whole day, which each site has."""
    return replace(
        whole_day,
        batches=few_hours.batches,
        objects=few_hours.objects,
        writes=few_hours.writes,
        reads=few_hours.reads,
        calls=few_hours.calls,
        seconds=few_hours.seconds,
        snapshot_reads=sites * whole_day.snapshot_reads,
        rows=sites * whole_day.rows,
        audit_reads=whole_day.audit_reads / whole_day.objects * few_hours.objects,
        audit_seconds=whole_day.audit_seconds / whole_day.objects * few_hours.objects,
    )


def document(days: dict[int, Day], by_sites: dict[int, Day]) -> str:
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
        for window in WINDOWS
    ]
    waits = [
        f"| `BatchWindow` {window} |" + "".join(f" {freshness(rate, window)} |" for rate in RATES)
        for window in WINDOWS
    ]
    small_stack = [
        sum(month(1, batch_of(1, window), days[1]).values()) for window in (20, WINDOW_SECONDS)
    ]
    batch = batch_of(SITES_RATE)
    months = [month(SITES_RATE, batch, by_sites[n]) for n in SITES]
    sites = [
        "| sites |" + "".join(f" {n} |" for n in SITES),
        "|---|" + "---:|" * len(SITES),
        "| write units an object |"
        + "".join(f" {d.writes * d.batches / d.objects:.1f} |" for d in by_sites.values()),
        "| read units an object |"
        + "".join(f" {d.reads * d.batches / d.objects:.1f} |" for d in by_sites.values()),
        _row("DynamoDB writes, $", [m["DynamoDB writes"] for m in months]),
        _row("DynamoDB reads, $", [m["DynamoDB reads"] for m in months]),
        _row("**together**, $", [sum(m.values()) for m in months]),
    ]
    added = [parts[rate]["DynamoDB storage"] / KEPT_MONTHS for rate in RATES]
    small, large = days[1], days[100]
    return TEMPLATE.format(
        date=prices.DATE,
        table="\n".join([head, rule, *rows, whole, *more, all_of_it, after_allowances]),
        windows="\n".join([head, rule, *windows]),
        waits="\n".join([head, rule, *waits]),
        sites="\n".join(sites),
        sites_rate=SITES_RATE,
        sites_batch=f"{batch:.0f}",
        small_window=f"{small_stack[0] - small_stack[1]:.2f}",
        audit_share=f"{min(1, AUDIT_GB / PROCESSOR_GB):.2f}",
        cached=f"{large.snapshot_writes:.0f}",
        added=f"{_dollars(added[0])} $ at 1 object a minute, {_dollars(added[1])} $ at 100",
        kept=KEPT_MONTHS,
        audit_seconds=f"{_audit_seconds(large, 100):.0f}",
        athena="\n".join([head, rule, athena, athena_month]),
        one=f"{small.objects / small.batches:.1f}",
        writes=f"{small.writes:.0f}",
        reads=f"{small.reads:.0f}",
        calls=f"{small.calls:.1f}",
        large_calls=f"{large.calls:.1f}",
        milliseconds=f"{1000 * small.seconds:.0f}",
        large=BATCH,
        large_writes=f"{large.writes:.0f}",
        large_reads=f"{large.reads:.0f}",
        large_milliseconds=f"{1000 * large.seconds:.0f}",
        summary=f"{large.snapshot_reads:.0f}",
        audit=f"{1000 * large.audit_reads / large.objects:.0f}",
        rows=f"{large.rows / 25 / 1000:.1f}",
        entry=f"{large.entry:.0f}",
        gzipped=f"{small.gzipped / 1000:.0f}",
        lines=f"{LINES:,}",
        window=WINDOW_SECONDS,
        pollers=POLLERS,
        batches=", ".join(f"{batch_of(rate):.1f} at {rate:,}" for rate in RATES),
        s3=f"{1000 * S3_SECONDS:.0f}",
        table_ms=f"{1000 * TABLE_SECONDS:.0f}",
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
| requests to the table for a batch | {calls} | {large_calls} |
| milliseconds of the run's processor a batch | {milliseconds} | {large_milliseconds} |

Read units are those of items that are not there, too: of new objects in the ledger, and of fences.
A snapshot of 24 hours reads {summary} units and writes {cached} to be kept, an audit reads {audit}
per 1,000 objects. A full row is {rows} KB, a ledger row {entry} bytes, a gzipped object
{gzipped} KB.

## What was assumed

- Objects in a batch: those that come within the window of {window} s, spread over the {pollers}
  batches that Lambda gathers at the same time (the worst case): {batches}.
- A GET takes {s3} ms, of which eight go on at the same time; a request to the table {table_ms} ms.
- A snapshot is computed every five minutes, and asked for as often; an audit runs every hour.
- Storage is that of the {kept} months for which the bucket keeps its objects, with point-in-time
  recovery. Hours and days are kept for ever unless `RetentionDays` says otherwise, the ledger for
  `LedgerDays`: each further month in which all are kept adds {added}.
- An audit at 100 objects a minute takes {audit_seconds} s: its function has {audit_share} of a
  processor, which is like that of the run. From some 1,000 on it should look less far back
  (`AuditHours`).
- From about 1,000 objects a minute on, commits meet more often: see the shards in
  [operations](operations.md). What has to be tried again is not in the table.

Where it goes: every batch writes an hour and a day row whole, whatever it adds, so fewer and larger
batches are what saves; every object writes a ledger row and its place in the index (3 units).
Together, by how many seconds an object may wait for its batch:

{windows}

An object waits for its batch so many seconds, in the mean and at most (a full batch does not wait):

{waits}

The function then takes about a second, and an answer that was kept is up to five minutes older. A
small stack can well afford `BatchWindow` 20: at 1 object a minute it adds {small_window} $ a month.

## Many sites

Every site has rows of its own, so a batch with objects of many sites writes many rows. It is sorted
by site and hour before it is divided into transactions. At {sites_rate} objects a minute, in
batches of {sites_batch}:

{sites}

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
