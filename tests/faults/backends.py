"""The stores of the state machine, each with the faults of its own world."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from pipeline.deadline import Deadline
from pipeline.objects import ObjectRef
from pipeline.store import ledger, rows
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.dynamodb.items import ledger_key
from pipeline.store.generations import Generations
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Store
from pipeline.store.settings import NOTHING, Given
from pipeline.store.sqlite import SqliteStore
from tests.faults.world import LEDGER_DAYS, RETENTION_DAYS
from tests.support import dynamodb_local
from tests.support.clock import FakeClock
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

GIVEN: dict[str, str | int] = {"retention_days": RETENTION_DAYS, "ledger_days": LEDGER_DAYS}


class Backend(Protocol):
    """What the machine needs of a store's own world."""

    def start(self, clock: FakeClock) -> None:
        """Begin with an empty store."""
        ...

    def stop(self) -> None:
        """It is not needed any more."""
        ...

    def open(self, given: Given = NOTHING) -> Store:
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

    def slow_sweep(self, others: Callable[[], object]) -> None:
        """Let others work while rows are swept, where that is no transaction."""
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
        self.sweeping: list[Callable[[], object]] = []
        self.table = dynamodb_local.new_table(self.plain)
        self.open(GIVEN | {"shards": self.shards}).agree()

    def stop(self) -> None:
        self.plain.delete_table(TableName=self.table)

    def open(self, given: Given = NOTHING) -> Store:
        return DynamoStore(self.client, self.table, given, timeout=5, clock=self.clock)

    def clear(self) -> None:
        self.faults.clear()
        self.sweeping.clear()

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

    def slow_sweep(self, others: Callable[[], object]) -> None:
        self.sweeping.append(others)

    def is_over(self, key: RowKey, generations: Generations) -> bool:
        """Stands in for `rows.is_over`, by which a sweep looks at each row."""
        if self.sweeping:
            self.sweeping.pop()()
        return rows.is_over(key, generations)

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
        self.open(GIVEN).agree()

    def stop(self) -> None:
        self.folder.cleanup()

    def open(self, given: Given = NOTHING) -> Store:
        store = SqliteStore(self.path, given, self.clock)
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

    def entered(self, *args: Any) -> LedgerEntry:
        """Stands in for `rows.entered`, which makes the entry of every object."""
        self._wait()
        return rows.entered(*args)

    def recounted(self, *args: Any) -> LedgerEntry:
        """Stands in for `ledger.recounted`, which makes it in a rebuild."""
        self._wait()
        return ledger.recounted(*args)

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

    def slow_sweep(self, others: Callable[[], object]) -> None:
        others()

    def parts_done(self, ref: ObjectRef) -> int:
        raise AssertionError("SQLite commits everything at once")

    def _wait(self) -> None:
        if self.waiting:
            self.waiting.pop(0)()

    @contextmanager
    def _busy(self) -> Iterator[None]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield


def _nothing() -> None:
    pass


def _crash() -> None:
    raise Crash
