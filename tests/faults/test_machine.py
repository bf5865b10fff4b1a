"""Everything that can happen to a store, in any order, on the real code: Hypothesis looks for a
sequence after which a count is lost or invented."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Protocol

import botocore.endpoint
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.ingest.ingest import Ingest, Outcome
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store import rows
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.dynamodb.items import ledger_key
from pipeline.store.generations import Days
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from pipeline.upkeep.rebuild import confirm, rebuild, undo
from tests.faults.world import LEDGER_DAYS, MODIFIED, READING, RETENTION_DAYS, Made, World
from tests.support import dynamodb_local
from tests.support.clock import FakeClock, reading_ends_after
from tests.support.dynamodb_faults import (
    Crash,
    Fault,
    Faults,
    broken,
    conflict,
    crash_after,
    crash_before,
    lost_answer,
    meanwhile,
    passes,
    throttled,
)

DAY = int(MODIFIED.timestamp()) // 86_400
PATHS = ("/a", "/b", "/c")
KEYS = [f"{site}.2026-11-23-05.{number}.gz" for site in ("E1", "E2") for number in range(4)]

requests = st.lists(
    st.tuples(st.sampled_from([0, 1, 6, 7, 30, 31]), st.sampled_from(PATHS)), max_size=4
).map(tuple)
spans = st.sampled_from([0, 0, 0, 110])
some_keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=6)
skipped = st.integers(0, 3)


class Machine(RuleBasedStateMachine):
    """The rules that hold for every store. A backend plays the faults on its real adapter."""

    backend: "Backend"

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.world = World()
        self.backend.start(self.clock)

    def teardown(self) -> None:
        """In the end, everything that was delivered and can be read is counted, once."""
        self.backend.clear()
        self.deliver_all()
        self.deliver_all()  # what was half committed, or met a rebuild
        self.sound()
        recent = self.clock() - MODIFIED < timedelta(days=25)
        for versions in self.world.versions.values():
            last = versions[-1]
            entry = self.backend.open().ledger([last.ref]).get(last.ref)
            # What was half committed when it was overwritten stays so: its other half is gone.
            overwritten = entry is not None and entry.ref.etag != last.etag
            if recent and not last.damaged and not overwritten:
                assert entry is not None
                assert entry.state == "committed"
        self.backend.stop()

    @initialize(made=st.dictionaries(st.sampled_from(KEYS), requests, min_size=1))
    def some_objects(self, made: dict[str, Any]) -> None:
        """Log objects lie in the bucket."""
        for key, found in made.items():
            self.world.put(Made(key, 0, found))

    @rule(key=st.sampled_from(KEYS), found=requests, span=spans, damaged=st.integers(0, 9))
    def put(self, key: str, found: Any, span: int, damaged: int) -> None:
        """An object is written, late or not, long or not, or overwritten with other content."""
        version = len(self.world.versions.get(key, []))
        self.world.put(Made(key, version, found, span, damaged == 9))

    @rule(keys=some_keys)
    def deliver(self, keys: list[str]) -> None:
        """Events come in any order, and any number of times."""
        self.run(keys)

    @rule(keys=some_keys)
    def deliver_an_event_of_before(self, keys: list[str]) -> None:
        """The event names a version that may have been overwritten since."""
        refs = [self.world.versions[key][0].ref for key in keys if key in self.world.versions]
        self.ingest()(refs)

    @rule(keys=st.lists(some_keys, min_size=2, max_size=3))
    def deliver_at_once(self, keys: list[list[str]]) -> None:
        """Several workers meet."""
        with ThreadPoolExecutor(len(keys)) as pool:
            list(pool.map(self.run, keys))

    @rule(keys=some_keys, after=skipped)
    def crash_before_a_commit(self, keys: list[str], after: int) -> None:
        """A worker dies before its transaction, or before a later part of one."""
        self.backend.crash_before(after)
        self.run(keys)

    @rule(keys=some_keys, after=skipped)
    def crash_after_a_commit(self, keys: list[str], after: int) -> None:
        """A worker dies when its transaction is done, before it says so."""
        self.backend.crash_after(after)
        self.run(keys)

    @rule(keys=some_keys, times=st.integers(1, 4))
    def lose_answers(self, keys: list[str], times: int) -> None:
        """The transaction is done and the answer lost: once, or until the client gives up."""
        self.backend.lose_answers(times)
        self.run(keys)

    @rule(keys=some_keys, others=some_keys)
    def meet_others(self, keys: list[str], others: list[str]) -> None:
        """Somebody else commits between reading the rows and writing them."""
        self.backend.meet(lambda: self.run(others))
        self.run(keys)

    @rule(keys=some_keys, times=st.integers(1, 4))
    def trouble(self, keys: list[str], times: int) -> None:
        """The store is throttled, has a bad moment, or is kept busy."""
        self.backend.trouble(times)
        self.run(keys)

    @rule(keys=some_keys, checks=st.integers(0, 5))
    def deadline(self, keys: list[str], checks: int) -> None:
        """The time is over before, in, or after an object."""
        self.run(keys, reading_ends_after(checks))

    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        """Rows expire, and are still there: DynamoDB deletes them days later."""
        self.clock.pass_time(days=days)

    @rule(start=st.integers(-5, 0), length=st.integers(1, 6), after=skipped, crash=st.booleans())
    def rebuild(self, start: int, length: int, after: int, crash: bool) -> None:
        """Days are counted anew, perhaps interrupted; the next one goes on, or is refused."""
        if crash:
            self.backend.crash_before(after)
        store = self.backend.open()
        days = Days(DAY + start, DAY + start + length)
        self.attempt(lambda: rebuild(store, self.reader(), days))

    @precondition(lambda self: self.backend.open().meta().generations.rebuild)
    @rule(keep=st.booleans())
    def end_rebuild(self, keep: bool) -> None:
        """It is confirmed, if it can be, or undone."""
        self.attempt(lambda: (confirm if keep else undo)(self.backend.open()))

    @rule()
    def deliver_all(self) -> None:
        """A redrive from the dead-letter queue: whatever is not counted comes again."""
        self.run(list(self.world.versions))

    @invariant()
    def sound(self) -> None:
        """Nothing is lost and nothing invented."""
        self.world.check(self.backend.open(), self.backend.parts_done, self.clock())

    def reader(self) -> Reader:
        return Reader(self.world, READING)

    def ingest(self) -> Ingest:
        return Ingest(self.reader(), self.backend.open())

    def run(self, keys: list[str], deadline: Deadline = NEVER) -> list[Outcome]:
        refs = [self.world.versions[key][-1].ref for key in keys if key in self.world.versions]
        found: list[Outcome] = []
        self.attempt(lambda: found.extend(self.ingest()(refs, deadline=deadline)))
        return found

    def attempt(self, work: Callable[[], object]) -> None:
        """Do something that faults may end; afterwards none is left over."""
        with suppress(Crash, StoreError):
            work()
        self.backend.clear()


class Backend(Protocol):
    """What the machine needs of a store's own world."""

    def start(self, clock: FakeClock) -> None:
        """Begin with an empty store."""
        ...

    def stop(self) -> None:
        """It is not needed any more."""
        ...

    def open(self) -> Store:
        """The store, as a worker that has just started opens it."""
        ...

    def clear(self) -> None:
        """No fault is left."""
        ...

    def crash_before(self, after: int) -> None:
        """Die before the transaction after so many."""
        ...

    def crash_after(self, after: int) -> None:
        """Die after the transaction after so many."""
        ...

    def lose_answers(self, times: int) -> None:
        """Lose the answers of so many transactions."""
        ...

    def meet(self, others: Callable[[], object]) -> None:
        """Let others commit before the next transaction."""
        ...

    def trouble(self, times: int) -> None:
        """Refuse so many transactions."""
        ...

    def parts_done(self, ref: ObjectRef) -> int:
        """How many parts of a half committed object are there."""
        ...


class OnDynamo(Backend):
    """DynamoDB Local behind the real client, with faults between them."""

    def __init__(self, endpoint: str, shards: int) -> None:
        self.client = dynamodb_local.client(endpoint, attempts=3)
        self.plain = dynamodb_local.client(endpoint)
        self.faults = Faults(self.client)
        self.shards = shards

    def start(self, clock: FakeClock) -> None:
        self.clock = clock
        self.table = dynamodb_local.new_table(self.plain)

    def stop(self) -> None:
        self.plain.delete_table(TableName=self.table)

    def open(self) -> Store:
        return DynamoStore(
            self.client,
            self.table,
            {"shards": self.shards, "retention_days": RETENTION_DAYS, "ledger_days": LEDGER_DAYS},
            timeout=5,
            clock=self.clock,
        )

    def clear(self) -> None:
        self.faults.clear()

    def crash_before(self, after: int) -> None:
        self._after(after, crash_before)

    def crash_after(self, after: int) -> None:
        self._after(after, crash_after)

    def lose_answers(self, times: int) -> None:
        self.faults.plan(*[lost_answer] * times)

    def meet(self, others: Callable[[], object]) -> None:
        self.faults.plan(meanwhile(others))

    def trouble(self, times: int) -> None:
        self.faults.plan(*[throttled, conflict, broken, conflict][:times])

    def parts_done(self, ref: ObjectRef) -> int:
        item = self.plain.get_item(TableName=self.table, Key=ledger_key(ref))["Item"]
        return int(item["parts_done"]["N"])

    def _after(self, after: int, fault: Fault) -> None:
        self.faults.plan(*[passes] * after, fault)


class OnSqlite(Backend):
    """A file, with faults at named points of the adapter: before an object is entered into the
    ledger, and when a commit is over."""

    def start(self, clock: FakeClock) -> None:
        self.clock = clock
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "store.db"
        self.waiting: list[Callable[[], None]] = []
        self.returning: list[Callable[[], None]] = []
        self.locked = 0

    def stop(self) -> None:
        self.folder.cleanup()

    def open(self) -> Store:
        store = SqliteStore(
            self.path,
            {"retention_days": RETENTION_DAYS, "ledger_days": LEDGER_DAYS},
            self.clock,
        )
        commit = store.commit

        def committing(*args: Any) -> Any:
            if self.locked:
                self.locked -= 1
                with self._busy():
                    return commit(args[0], Deadline.after(0.01))
            result = commit(*args)
            if self.returning:
                self.returning.pop(0)()
            return result

        setattr(store, "commit", committing)  # noqa: B010 - a named point, not another store
        return store

    def entering(self) -> None:
        """What happens when an object is about to be entered into the ledger."""
        if self.waiting:
            self.waiting.pop(0)()

    def clear(self) -> None:
        self.waiting.clear()
        self.returning.clear()
        self.locked = 0

    def crash_before(self, after: int) -> None:
        self.waiting += [_nothing] * after + [_crash]

    def crash_after(self, after: int) -> None:
        self.returning += [_nothing] * after + [_crash]

    def lose_answers(self, times: int) -> None:
        self.crash_after(0)  # an answer of SQLite is lost only with the process

    def meet(self, others: Callable[[], object]) -> None:
        self.returning.append(lambda: (others(), None)[1])

    def trouble(self, times: int) -> None:
        self.locked = times

    def parts_done(self, ref: ObjectRef) -> int:
        raise AssertionError("SQLite commits everything at once")

    @contextmanager
    def _busy(self) -> Iterator[None]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield


def _nothing() -> None:
    pass


def _crash() -> None:
    raise Crash


def run(backend: Backend, examples: int, steps: int) -> None:
    """Let Hypothesis look for a way to break the invariant."""
    machine = type("Machine", (Machine,), {"backend": backend})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_nothing_happens_to_a_count_on_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is delivered, crashes, meets, is late, overwritten, expired or rebuilt."""
    backend = OnSqlite()

    def entering(*args: Any) -> Any:
        backend.entering()
        return rows.entered(*args)

    monkeypatch.setattr("pipeline.store.local.entered", entering)
    run(backend, examples=40, steps=25)


@pytest.mark.parametrize("shards", [1, 3])
def test_nothing_happens_to_a_count_on_dynamodb(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    """The same, and answers are lost, transactions conflict, and the table is throttled."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    run(OnDynamo(dynamodb.meta.endpoint_url, shards), examples=10, steps=25)
