"""Processes that are killed while they count: `make chaos`.

Log objects, some of them delivered twice, go to ingest processes on one DynamoDB Local. Every few
hundred milliseconds one of the processes dies by SIGKILL, wherever it is; another takes its place,
and what it held is delivered again, as a queue would, five times at most. Some objects are damaged,
and some names were overwritten: both of their events come in one batch. Meanwhile the days are
rebuilt, again and again, and each rebuild is confirmed or undone. What is left is redriven in
peace. Then the store is compared with a plain count of the lines, and audited.
"""

import argparse
import gzip
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline.hour.aggregate import merge
from pipeline.hours import ALWAYS, HOURS_PER_DAY, Span
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.source.files import FileSource, file_ref
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days
from pipeline.store.port import Store
from pipeline.upkeep.audit import audit
from pipeline.upkeep.rebuild import confirm, rebuild, undo
from tests.support import dynamodb_local

MOST_RECEIVES = 5
START = datetime(2026, 11, 22, 20, tzinfo=UTC)
HOURS, PATHS = 8, 40
_forks = get_context("forkserver")
_forks.set_forkserver_preload(["tests.faults.chaos"])


@dataclass
class Figures:
    """What happened in a run."""

    seed: int
    objects: int
    deliveries: int = 0
    kills: int = 0
    transactions: int = 0
    conflicts: int = 0
    redelivered: int = 0
    duplicates: int = 0
    redriven: int = 0
    rebuilds: int = 0
    dismissed: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.objects:,} objects in {self.deliveries:,} deliveries, "
            f"{self.kills:,} kills, {self.transactions:,} transactions, "
            f"{self.conflicts:,} conflicts, {self.redelivered:,} delivered again, "
            f"{self.duplicates:,} duplicates refused, {self.redriven:,} redriven, "
            f"{self.rebuilds:,} rebuilds, {self.dismissed:,} failures and conflicts dismissed, "
            f"{self.seconds:.0f} s: equal"
        )


@dataclass
class Truth:
    """The plain count: requests and bytes by site, hour and path."""

    requests: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, int, str]] = field(default_factory=Counter)


def make_objects(folder: Path, count: int, rng: random.Random) -> tuple[list[Path], Truth]:
    """Log objects of two distributions, each of two of eight hours around a midnight, in the
    order of their hours, and what is in them."""
    truth = Truth()
    paths = []
    for number in range(count):
        site = f"E{number % 2 + 1}"
        lines = ["#Fields: date time sc-bytes cs-uri-stem\n"]
        first = int(START.timestamp()) + number * (HOURS - 2) // count * 3600
        for _ in range(rng.randrange(5, 60)):
            moment = first + rng.randrange(2 * 3600)
            size, path = rng.randrange(100_000), f"/p{rng.randrange(PATHS)}"
            lines.append(
                f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d\t%H:%M:%S}\t{size}\t{path}\n"
            )
            place = (site, moment // 3600, path)
            truth.requests[place] += 1
            truth.bytes[place] += size
        file = folder / f"{site}.2026-11-23-04.{number:08x}.gz"
        file.write_bytes(gzip.compress("".join(lines).encode(), 1))
        paths.append(file)
    return paths, truth


def work(endpoint: str, table: str, shards: int, pipe: Connection) -> None:
    """An ingest process: batches of objects come, what became of them goes."""
    client = dynamodb_local.client(endpoint)
    seen: Counter[str] = Counter()

    def note(http_response: Any, **_: Any) -> None:
        seen["transactions"] += 1
        if http_response.status_code == 400:
            seen["conflicts"] += 1

    client.meta.events.register("after-call.dynamodb.TransactWriteItems", note)
    ingest = Ingest(Reader(FileSource(), Reading()), DynamoStore(client, table, {"shards": shards}))
    while True:
        refs = pipe.recv()
        outcomes = ingest(refs)
        pipe.send(([each.state for each in outcomes], dict(seen)))
        seen.clear()


class Workers:
    """Ingest processes that take batches from a queue until it is empty."""

    def __init__(
        self, endpoint: str, table: str, shards: int, count: int, figures: Figures
    ) -> None:
        self._args = (endpoint, table, shards)
        self._count = count
        self._figures = figures
        self._lock = threading.Lock()
        self._alive: dict[int, Any] = {}
        self.dead: list[ObjectRef] = []

    def drain(self, batches: deque[tuple[list[ObjectRef], int]]) -> None:
        """Work until no batch is left, neither waiting nor under way."""
        threads = [
            threading.Thread(target=self._tend, args=(number, batches))
            for number in range(self._count)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def kill_one(self, rng: random.Random) -> None:
        """Kill one of the processes, wherever it is."""
        with self._lock:
            if self._alive:
                os.kill(rng.choice(list(self._alive.values())).pid, signal.SIGKILL)
                self._figures.kills += 1

    def _tend(self, number: int, batches: deque[tuple[list[ObjectRef], int]]) -> None:
        """Keep one process going, and give it batches."""
        process: Any = None
        while True:
            with self._lock:
                if not batches:
                    break
                refs, receives = batches.popleft()
            if process is None:
                process, pipe = self._start(number)
            try:
                pipe.send(refs)
                states, seen = pipe.recv()
            except (EOFError, OSError):  # it was killed
                self._bury(number, process)
                process = None
                states, seen = ["failed"] * len(refs), {}
            self._settle(refs, receives + 1, states, seen, batches)
        if process is not None:
            process.kill()
            self._bury(number, process)

    def _start(self, number: int) -> tuple[Any, Connection]:
        ours, theirs = _forks.Pipe()
        process = _forks.Process(target=work, args=(*self._args, theirs), daemon=True)
        process.start()
        theirs.close()
        with self._lock:
            self._alive[number] = process
        return process, ours

    def _bury(self, number: int, process: Any) -> None:
        with self._lock:
            self._alive.pop(number, None)
        process.join()

    def _settle(
        self,
        refs: list[ObjectRef],
        receives: int,
        states: list[str],
        seen: dict[str, int],
        batches: deque[tuple[list[ObjectRef], int]],
    ) -> None:
        """Count what became of a batch; what failed comes again, or is put aside."""
        again = [ref for ref, state in zip(refs, states, strict=True) if state == "failed"]
        with self._lock:
            self._figures.duplicates += states.count("duplicate")
            for name, value in seen.items():
                setattr(self._figures, name, getattr(self._figures, name) + value)
            if again and receives < MOST_RECEIVES:
                batches.append((again, receives))
                self._figures.redelivered += len(again)
            else:
                self.dead += again


@contextmanager
def killing(workers: Workers, every: float, rng: random.Random) -> Iterator[None]:
    """Kill a process now and then, meanwhile."""
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(every * rng.uniform(0.5, 1.5)):
            workers.kill_one(rng)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True)
class Deliveries:
    """The batches to deliver; `whole` objects are to be counted, `damaged` ones cannot be."""

    batches: deque[tuple[list[ObjectRef], int]]
    whole: int
    damaged: list[ObjectRef]


def deliveries_of(paths: list[Path], rng: random.Random) -> Deliveries:
    """Every object once, a fifth of them twice; a fiftieth overwritten, as many damaged ones."""
    refs = [file_ref(path) for path in paths]
    few = max(1, len(refs) // 50)
    damaged = []
    for number in range(few):
        path = paths[0].with_name(f"E1.2026-11-23-04.damaged{number}.gz")
        path.write_bytes(gzip.compress(b"#Fields: date time\n" * 9)[:-9])
        damaged.append(file_ref(path))
    before = {ref.key: replace(ref, etag="0" * 64) for ref in rng.sample(refs, few)}
    deliveries = [*refs, *rng.sample(refs, len(refs) // 5), *damaged]
    # About in order, as a queue delivers: an object is early or late by a tenth of them all.
    place = {ref.key: number for number, ref in enumerate(refs)}
    deliveries.sort(
        key=lambda ref: (
            place.get(ref.key, rng.random() * len(refs)) + rng.uniform(0, len(refs) / 10)
        )
    )
    batches: deque[tuple[list[ObjectRef], int]] = deque()
    while deliveries:
        size = rng.randrange(1, 11)
        batch, deliveries = deliveries[:size], deliveries[size:]
        batch += [before.pop(ref.key) for ref in batch if ref.key in before]
        batches.append((batch, 0))
    return Deliveries(batches, len(refs), damaged)


@contextmanager
def rebuilding(store: Store, figures: Figures, rng: random.Random) -> Iterator[None]:
    """Rebuild the days again and again, meanwhile, and confirm or undo each rebuild."""
    stop = threading.Event()
    errors: list[BaseException] = []
    first = int(START.timestamp()) // 86_400

    def work() -> None:
        reader = Reader(FileSource(), Reading())
        try:
            pause = 0.2
            while not stop.wait(pause):  # for as long as a rebuild takes, the commits are alone
                began = time.monotonic()
                done = rebuild(store, reader, Days(first, first + rng.randrange(1, 3)))
                if all("counted differently" in reason for _, reason in done.failed):
                    figures.rebuilds += 1
                (undo if done.failed else rng.choice([confirm, undo]))(store)
                pause = time.monotonic() - began
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not errors, errors


def run(
    endpoint: str, objects: int, processes: int, kill_every: float, seed: int, shards: int = 2
) -> Figures:
    """One run; raises AssertionError when a count differs."""
    rng = random.Random(seed)
    figures = Figures(seed, objects)
    began = time.monotonic()
    client = dynamodb_local.client(endpoint)
    table = dynamodb_local.new_table(client)
    store = DynamoStore(client, table, {"shards": shards})
    store.agree()
    with tempfile.TemporaryDirectory() as folder:
        paths, truth = make_objects(Path(folder), objects, rng)
        due = deliveries_of(paths, rng)
        figures.deliveries = sum(len(refs) for refs, _ in due.batches)
        workers = Workers(endpoint, table, shards, processes, figures)
        with rebuilding(store, figures, random.Random(seed)), killing(workers, kill_every, rng):
            workers.drain(due.batches)
        redrive = deque(([ref], 0) for ref in workers.dead)
        figures.redriven = len(redrive)
        workers.dead = []
        workers.drain(redrive)
        assert {ref.key for ref in workers.dead} <= {ref.key for ref in due.damaged}
    check(store, truth, due, figures)
    figures.seconds = time.monotonic() - began
    client.delete_table(TableName=table)
    return figures


def check(store: Store, truth: Truth, due: Deliveries, figures: Figures) -> None:
    """Every path of every hour is the plain count's, every day the sum of its hours, every object
    in the ledger; and when failures and conflicts are dismissed, the audit has nothing to say."""
    requests: Counter[tuple[str, int, str]] = Counter()
    sizes: Counter[tuple[str, int, str]] = Counter()
    days: dict[tuple[str, int], list[Any]] = {}
    sites = store.meta().sites
    for row in store.read(sites, [Span("hour", None, None)]):
        site, hour = row.key.site, row.key.start
        days.setdefault((site, hour // HOURS_PER_DAY), []).append(row.aggregate)
        for path, vector in row.aggregate.sketches.tables["path"].entries.items():
            requests[site, hour, path] += vector.requests
            sizes[site, hour, path] += vector.bytes
    assert requests == truth.requests
    assert +sizes == +truth.bytes
    stored: dict[tuple[str, int], list[Any]] = {}
    for row in store.read(sites, [Span("day", None, None)]):
        stored.setdefault((row.key.site, row.key.start), []).append(row.aggregate)
    assert {k: merge(v) for k, v in stored.items()} == {k: merge(v) for k, v in days.items()}
    generations = store.meta().generations
    entries = [entry.as_read(generations) for entry in store.objects()]
    states = Counter(entry.state for entry in entries)
    assert states == Counter(committed=due.whole, failed=len(due.damaged))
    for entry in entries:
        if entry.state == "failed" or entry.conflict:
            store.dismiss(entry.ref)
            figures.dismissed += 1
    assert audit(store, ALWAYS, datetime.now(UTC)).problems == []


def main() -> None:
    """Run as often as asked, each time with the next seed; a line of figures for each."""
    parser = argparse.ArgumentParser(description="processes that are killed while they count")
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--kill-every", type=float, default=0.3, help="seconds, on average")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--runs", type=int, default=1)
    asked = parser.parse_args()
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true"}
    if reason := dynamodb_local.missing():
        sys.exit(reason)
    with dynamodb_local.running() as endpoint:
        for seed in range(asked.seed, asked.seed + asked.runs):
            figures = run(endpoint, asked.objects, asked.processes, asked.kill_every, seed)
            sys.stdout.write(f"{figures}\n")
            sys.stdout.flush()
