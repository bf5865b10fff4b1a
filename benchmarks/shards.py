"""Commits a second by writers and shards: `python -m benchmarks.shards`.

Writers in processes of their own commit one small object after the other to the same hour of one
site, on DynamoDB Local. What counts is how the columns compare: on AWS a transaction takes some ten
milliseconds instead of a few, and so meets others the more.
"""

import argparse
import sys
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from pipeline.deadline import NEVER
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.vector import Vector
from pipeline.ingest.batch import Batch, Whole
from pipeline.objects import ObjectRef
from pipeline.sites import Place
from pipeline.store.counted import Counted
from pipeline.store.dynamodb import DynamoStore
from tests.support import dynamodb_local
from tests.support.aggregates import hour_with

WRITERS, SHARDS = (1, 4, 16, 32), (1, 4, 16)
HOUR = 498_636
_forks = get_context("forkserver")
_forks.set_forkserver_preload(["pipeline.store.dynamodb", "tests.support.dynamodb_local"])


def write(endpoint: str, table: str, shards: int, number: int, seconds: float, pipe: Any) -> None:
    """One writer: commits, and transactions that were refused."""
    client = dynamodb_local.client(endpoint)
    seen: Counter[str] = Counter()

    def note(http_response: Any, **_: Any) -> None:
        seen["refused"] += http_response.status_code == 400

    client.meta.events.register("after-call.dynamodb.TransactWriteItems", note)
    store = DynamoStore(client, table, shards=shards)
    paths = Table.of({f"/{number}-{n}": Vector(n + 1) for n in range(20)})
    hour = hour_with(Vector(210), objects={-1: 1}, tables={"path": paths})
    pipe.send("ready")
    pipe.recv()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        ref = ObjectRef("b", f"{number}-{seen['commits']}", "e")
        counted = Counted(ref, {"site": {HOUR: hour.totals.requests}})
        object_ = Whole(counted, {Place(HOUR, "site"): hour})
        store.commit(Batch([object_]).delta, NEVER)
        seen["commits"] += 1
    pipe.send(seen)


def run(endpoint: str, writers: int, shards: int, seconds: float) -> tuple[float, float]:
    """Commits a second, and refused transactions to a commit."""
    table = dynamodb_local.new_table(dynamodb_local.client(endpoint))
    pipes: list[Connection] = []
    for number in range(writers):
        ours, theirs = _forks.Pipe()
        args = (endpoint, table, shards, number, seconds, theirs)
        _forks.Process(target=write, args=args, daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    for pipe in pipes:
        pipe.send("go")
    seen: Counter[str] = Counter()
    for pipe in pipes:
        seen.update(pipe.recv())
    return seen["commits"] / seconds, seen["refused"] / max(1, seen["commits"])


def main() -> None:
    """The table of docs/operations.md."""
    parser = argparse.ArgumentParser(description="commits a second by writers and shards")
    parser.add_argument("--seconds", type=float, default=8)
    seconds = parser.parse_args().seconds
    if reason := dynamodb_local.missing():
        sys.exit(reason)
    lines = [
        "| writers |" + "".join(f" {n} shard{'s' * (n > 1)} |" for n in SHARDS),
        "|---:|" + "---:|" * len(SHARDS),
    ]
    with dynamodb_local.running() as endpoint:
        run(endpoint, 2, 1, seconds)  # the server's own warming up
        for writers in WRITERS:
            cells = []
            for shards in SHARDS:
                rate, refused = run(endpoint, writers, shards, seconds)
                cells.append(f" {rate:.0f} ({refused:.2f}) |")
            lines.append(f"| {writers} |" + "".join(cells))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
