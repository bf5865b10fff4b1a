"""The demo: deploy, deliver, watch, compare, show. Exit code 0 only when every total is right."""

import argparse
import json
import shlex
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.request import Request, urlopen

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from demo.distribution import attached
from demo.stack import Stack, StackError, build, deploy, embedded_aws
from demo.traffic import LogObject, Truth, objects
from pipeline.answer.snapshot import Snapshot
from pipeline.cli.show_summary import show
from pipeline.cli.words import safe
from pipeline.objects import ObjectRef
from pipeline.store.dynamodb import DynamoStore

OBJECTS, LINES, HOURS = 20, 500, 3
DUPLICATE, TRUNCATED = 4, 9
# A short timeout makes the queue's visibility short too, so that the dead-letter queue is
# reached within a minute.
PARAMETERS = {
    "Architecture": "x86_64",
    "IngestTimeout": "5",
    "MaxReceives": "2",
    "BatchWindow": "1",
    "IngestConcurrency": "2",
    "DeletionProtection": "false",
}
PATIENCE_SECONDS = 150

console = Console(highlight=False)


class Wrong(Exception):
    """The summary is not what the generator wrote."""


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(description="edgetally on an embedded AWS, end to end")
    parser.add_argument("--keep", action="store_true", help="stay up until Ctrl-C")
    keep = parser.parse_args().keep
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        _demo(keep)
    except KeyboardInterrupt:
        console.print("interrupted; everything is taken down")
        return 130
    except (Wrong, StackError) as error:
        console.print(f"[bold red]FAILED[/]: {safe(str(error))}")
        return 1
    return 0


def _demo(keep: bool) -> None:
    logs = list(objects(2026, OBJECTS, LINES, datetime.now(UTC), HOURS))
    console.print("starting an embedded AWS")
    with embedded_aws() as aws:
        with _step("sam build"):
            built = build(aws.folder / "build")
        with _step("sam deploy, of the template as it is"):
            stack = deploy(aws, built, "edgetally-demo", PARAMETERS)
        with _step("edgetally attach, of a distribution"):
            attached(stack)
        with _step(f"uploading {OBJECTS} log objects, one of them twice, one truncated"):
            _deliver(stack, logs)
        reason = _watch(stack, logs)
        summary = msgspec.json.decode(_get(stack, "/metrics/snapshot"), type=Snapshot)
        console.print()
        show(summary, console)
        _compare(summary, logs)
        _explain(stack, logs, reason)
        if keep:
            console.print("\nIt stays up until Ctrl-C.")
            signal.pause()
        console.print("\nAll of it is taken down now. To look around: make demo KEEP=1")


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(name):
        yield
    console.print(f"{name} [dim]({time.monotonic() - started:.0f} s)[/]")


def _body(logs: list[LogObject], number: int) -> bytes:
    body = logs[number].body
    return body[: len(body) // 2] if number == TRUNCATED else body


def _deliver(stack: Stack, logs: list[LogObject]) -> None:
    """Upload the objects, the truncated one first, because it takes longest to be given up."""
    s3 = stack.aws.client("s3")
    for number in [TRUNCATED, *(n for n in range(OBJECTS) if n != TRUNCATED), DUPLICATE]:
        s3.put_object(
            Bucket=stack.outputs["LogBucket"], Key=logs[number].key, Body=_body(logs, number)
        )


def _watch(stack: Stack, logs: list[LogObject]) -> str:
    """Follow the ledger and the queues until everything has arrived somewhere; the reason for
    which the truncated object was refused."""
    store = DynamoStore(stack.aws.client("dynamodb"), stack.outputs["TableName"])
    refs = [ObjectRef(stack.outputs["LogBucket"], each.key) for each in logs]
    deadline = time.monotonic() + PATIENCE_SECONDS
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("processing", total=OBJECTS, told="")
        while time.monotonic() < deadline:
            ledger = store.ledger(refs)
            committed = sum(entry.state == "committed" for entry in ledger.values())
            waiting, dead = stack.waiting("IngestQueueUrl"), stack.waiting("DeadLetterQueueUrl")
            told = f"{committed} committed, {waiting} in the queue, {dead} in the dead-letter queue"
            progress.update(task, completed=committed + dead, told=told)
            if (committed, waiting, dead) == (OBJECTS - 1, 0, 1):
                return ledger[refs[TRUNCATED]].reason
            time.sleep(0.5)
    raise Wrong(f"after {PATIENCE_SECONDS} s: {told}")


def _get(stack: Stack, route: str) -> bytes:
    credentials = b64encode(f"demo:{stack.secret}".encode()).decode()
    request = Request(stack.url + route, headers={"Authorization": f"Basic {credentials}"})
    with urlopen(request, timeout=60) as answer:
        body: bytes = answer.read()
    return body


def _compare(summary: Snapshot, logs: list[LogObject]) -> None:
    """Every figure against what the generator counted while writing. Raises Wrong."""
    truth = sum((each.truth for n, each in enumerate(logs) if n != TRUNCATED), Truth())
    hits = round(100 * truth.result_types["Hit"] / truth.records, 2)
    paths = sorted(truth.paths.items(), key=lambda each: (-each[1], each[0]))[:20]
    expected = {
        "total_records": truth.records,
        "log_files_read": OBJECTS - 1,
        "bytes_sent": truth.bytes_sent,
        "status_codes": dict(truth.status),
        "result_types": dict(truth.result_types),
        "methods": dict(truth.methods),
        "edge_locations": sorted(truth.edges),
        "cache_hit_rate": hits,
        "top_paths": [{"path": path, "count": count} for path, count in paths],
    }
    found = msgspec.to_builtins(summary)
    wrong = [
        f"{name} is {found[name]}, and {value} was written"
        for name, value in expected.items()
        if found[name] != value
    ]
    if wrong:
        raise Wrong("the summary is wrong: " + "; ".join(wrong))
    console.print(
        f"\n[bold green]exact[/]: {len(expected)} figures equal what the generator wrote "
        f"({truth.records:,} requests in {OBJECTS - 1} objects)"
    )


def _explain(stack: Stack, logs: list[LogObject], reason: str) -> None:
    again, cut = logs[DUPLICATE].key, logs[TRUNCATED].key
    for line in (
        f"delivered twice, counted once (the ledger refused {_refused(stack)} delivery): {again}",
        f"truncated, counted nothing, in the dead-letter queue: {cut}: {safe(reason)}",
    ):
        console.print(line, soft_wrap=True, markup=False)
    url = f"{stack.url}/metrics/snapshot"
    console.print(f"\n{url}\n", soft_wrap=True)
    curl = f"curl -u {shlex.quote('demo:' + stack.secret)} {url}"
    console.print(curl, soft_wrap=True, markup=False)
    console.print("\nThe page, and the secret that it asks for:\n", markup=False)
    console.print(f"{stack.url}/?window=24h\n{stack.secret}", soft_wrap=True, markup=False)


def _refused(stack: Stack) -> int:
    """How many duplicates the ingest function counted, by its own metrics in its log."""
    logs = stack.aws.client("logs")
    refused = 0
    for group in logs.describe_log_groups()["logGroups"]:
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
            for line in event["message"].splitlines():
                if line.startswith("{") and '"duplicates"' in line:
                    refused += int(json.loads(line)["duplicates"][0])
    return refused


if __name__ == "__main__":
    sys.exit(main())
