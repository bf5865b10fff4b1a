"""Everything that can happen to a store, in any order, on the real code: Hypothesis looks for a
sequence after which a count is lost or invented."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

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
from pipeline.errors import OtherSettings, SettingError, StoreError
from pipeline.hours import HOURS_PER_DAY
from pipeline.ingest.ingest import Ingest, Outcome
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store.generations import Days
from pipeline.store.port import Store
from pipeline.store.settings import Given
from pipeline.upkeep.rebuild import Rebuilt, abandon, confirm, rebuild, undo
from tests.faults.backends import Backend, OnDynamo, OnSqlite
from tests.faults.world import MODIFIED, READING, Made, World
from tests.support.clock import FakeClock, reading_ends_after
from tests.support.dynamodb_faults import Crash

DAY = int(MODIFIED.timestamp()) // 86_400
WEEK = Days(DAY - 6, DAY + 2)
PATHS = ("/a", "/b", "/c")
KEYS = [f"{site}.2026-11-23-05.{number}.gz" for site in ("E1", "E2") for number in range(3)]
KEYS += ["shop/1.gz", "blog/1.gz"]

requests = st.lists(
    st.tuples(st.sampled_from([0, 1, 6, 7, 30, 31]), st.sampled_from(PATHS)), max_size=4
).map(tuple)
spans = st.sampled_from([0, 0, 0, 110])
some_keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=6)
skipped = st.integers(0, 3)
some_days = st.tuples(st.integers(-5, 0), st.integers(1, 6)).map(
    lambda bounds: Days(DAY + bounds[0], DAY + bounds[0] + bounds[1])
)
forgettable = st.lists(st.sampled_from(KEYS), max_size=2)
patterns: "st.SearchStrategy[Given]" = st.sampled_from(
    ["", "^(?P<site>shop)/", "^(?P<site>[a-z]+)/"]
).map(lambda pattern: {"site_pattern": pattern})
changes: "st.SearchStrategy[Given]" = st.one_of(
    patterns,
    st.sampled_from([(30, 65), (20, 65), (60, 100), (0, 0), (200, 300)]).map(
        lambda days: {"retention_days": days[0], "ledger_days": days[1]}
    ),
    st.integers(1, 4).map(lambda shards: {"shards": shards}),
)


class Machine(RuleBasedStateMachine):
    """The rules that hold for every store. A backend plays the faults on its real adapter."""

    backend: Backend

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.world = World()
        self.backend.start(self.clock)

    def teardown(self) -> None:
        """In the end, everything that was delivered and can be read is counted, once; and work
        that nobody disturbs succeeds: a store that refuses everything does not pass."""
        self.backend.clear()
        self.deliver_all()
        self.deliver_all()  # what was half committed, or met a rebuild
        self.exact()
        for versions in self.world.versions.values():
            self.settled(versions[-1])
        self.progresses()
        self.backend.stop()

    def settled(self, last: Made) -> None:
        """A recent object is committed, unless its bytes are damaged, or the name was counted
        with other content."""
        store = self.backend.open()
        entry = store.ledger([last.ref]).get(last.ref)
        # What was half committed when it was overwritten stays so: its other half is gone.
        overwritten = entry is not None and entry.ref.etag != last.etag
        if self.clock() - MODIFIED < timedelta(days=25) and not last.damaged and not overwritten:
            assert entry is not None
            shown = entry.as_read(store.meta().generations)
            assert "committed" in (entry.state, shown.state) or shown.state == "forgotten"

    def progresses(self) -> None:
        """A new object is counted, and days are rebuilt and confirmed."""
        store = self.backend.open()
        if store.meta().generations.rebuild:
            undo(store)
        new = Made("new/1.gz", 0, ((0, "/new"),), days_later=(self.clock() - MODIFIED).days)
        self.world.put(new)
        (outcome,) = self.ingest()([new.ref])
        assert outcome.state == "committed", outcome
        if store.meta().first_ledger_day <= WEEK.start:
            done = rebuild(store, self.reader(store), WEEK)
            readable = {v[-1].key for v in self.world.versions.values() if not v[-1].damaged}
            failed = {ref.key for ref, _ in done.failed} & readable
            assert all(len(self.world.versions[key]) > 1 for key in failed), done.failed
            (undo if done.failed else confirm)(store)
        self.exact()

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
    def deliver_every_event(self, keys: list[str]) -> None:
        """The events of all versions of a name come in one batch."""
        refs = [made.ref for key in keys for made in self.world.versions.get(key, [])]
        self.attempt(lambda: self.ingest()(refs))

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

    @rule(keys=some_keys, given=changes)
    def deliver_with_other_settings(self, keys: list[str], given: Given) -> None:
        """A process that was given settings of its own counts under the store's, or nothing."""
        store = self.backend.open(given)
        kept = store.meta().settings
        others = any(getattr(kept, name) != value for name, value in given.items())
        refs = [self.world.versions[key][-1].ref for key in keys if key in self.world.versions]
        states = {outcome.state for outcome in Ingest(self.reader(store), store)(refs)}
        assert not (others and states & {"committed", "expired"})
        if others:
            with pytest.raises(OtherSettings):
                store.agree()

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

    @rule(keys=some_keys, given=changes)
    def meet_a_change_of_settings(self, keys: list[str], given: Given) -> None:
        """The settings are changed between reading the objects and writing their rows."""
        self.backend.meet(lambda: self.settle(given))
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

    @rule(given=changes)
    def settle(self, given: Given) -> None:
        """A setting of the store is changed."""
        store = self.backend.open()
        before, today = store.meta().settings, int(self.clock().timestamp()) // 86_400
        self.attempt(lambda: store.settle(given))
        meta = self.backend.open().meta()
        if meta.settings != before:
            kept = meta.settings.retention_days
            self.world.changed(before.retention_days, kept, today, meta.generations)

    @precondition(lambda self: self.backend.open().meta().settings.ledger_days)
    @rule()
    def keep_for_longer(self) -> None:
        """Rows are to be kept for longer, and the ledger knows their objects for as long."""
        before = self.backend.open().meta().settings.ledger_days
        self.settle({"retention_days": before + 60, "ledger_days": before + 100})
        self.clock.pass_time(days=before + 2)

    @rule(days=st.integers(15, 25), keep=st.booleans())
    def bring_back(self, days: int, keep: bool) -> None:
        """The retention is lowered until days are gone, and raised; then those are rebuilt."""
        self.clock.pass_time(days=days)
        for given in ({"ledger_days": 400}, {"retention_days": 20}, {"retention_days": 200}):
            self.settle(given)
        first = self.backend.open().meta().first_row_day
        self.rebuild_whatever_it_takes(Days(WEEK.start, max(WEEK.end, first)))
        self.end_rebuild(keep)

    @rule(days=some_days, forget=forgettable, after=skipped, crash=st.booleans())
    def rebuild(self, days: Days, forget: list[str], after: int, crash: bool) -> None:
        """Days are rebuilt, perhaps interrupted; the next rebuild goes on, or is refused."""
        if crash:
            self.backend.crash_before(after)
        self.rebuilt(days, forget)

    @rule(days=st.just(WEEK), forget=forgettable, keep=st.booleans())
    def rebuild_to_the_end(self, days: Days, forget: list[str], keep: bool) -> None:
        """Days are rebuilt, and that is confirmed or undone."""
        self.rebuilt(days, forget)
        self.end_rebuild(keep)

    @rule(given=patterns, keep=st.booleans())
    def recount_into_other_sites(self, given: Given, keep: bool) -> None:
        """The pattern of sites is changed, and what was counted before is counted under it."""
        self.deliver_all()
        self.settle(given)
        self.rebuild_whatever_it_takes(WEEK)
        self.end_rebuild(keep)

    @precondition(lambda self: self.backend.open().meta().generations.rebuild)
    @rule(some=skipped)
    def forget_in_an_open_rebuild(self, some: int) -> None:
        """An open rebuild is run again, and is asked to forget some objects of its days."""
        store = self.backend.open()
        generations = store.meta().generations
        assert generations.rebuild
        days = generations.rebuild.days
        entries = [entry.as_read(generations) for entry in store.objects()]
        inside = [
            entry.ref.key
            for entry in entries
            if entry.hours and all(hour // HOURS_PER_DAY in days for hour in entry.hours)
        ]
        self.rebuilt(days, sorted(inside)[:some])

    @rule(days=some_days, others=some_days, keep=st.booleans(), again=st.booleans())
    def rebuild_meets_another(self, days: Days, others: Days, keep: bool, again: bool) -> None:
        """While it is under way, somebody else ends it, and perhaps begins another one."""
        pending = [None]

        def meanwhile() -> None:
            if pending:
                pending.pop()
                self.end_rebuild(keep)
                if again:
                    store = self.backend.open()
                    self.attempt(lambda: store.turn(lambda state: state.begin(others)))

        self.rebuilt(days, [], meanwhile)

    @precondition(lambda self: self.backend.open().meta().generations.rebuild)
    @rule(keep=st.booleans())
    def end_rebuild(self, keep: bool) -> None:
        """It is confirmed, if it can be, or undone."""
        self.attempt(lambda: (confirm if keep else undo)(self.backend.open()))
        self.world.note_forgotten(self.backend.open())

    @rule(keep=st.booleans(), days=some_days)
    def sweep_slowly(self, keep: bool, days: Days) -> None:
        """A rebuild is ended, and while its rows are swept, somebody else rebuilds."""
        self.deliver_all()
        self.rebuild_whatever_it_takes(WEEK)
        self.backend.slow_sweep(lambda: self.rebuilt(days, []))
        self.end_rebuild(keep)

    @rule(key=st.sampled_from(KEYS))
    def abandon(self, key: str) -> None:
        """A half-committed object is abandoned, if it is one."""
        store = self.backend.open()
        self.attempt(lambda: abandon(store, self.reader(store), ObjectRef("b", key)))
        self.world.note_forgotten(self.backend.open())

    @rule()
    def deliver_all(self) -> None:
        """A redrive from the dead-letter queue: whatever is not counted comes again."""
        self.run(list(self.world.versions))

    @invariant()
    def sound(self) -> None:
        """Nothing is lost and nothing invented."""
        self.world.check(self.backend.open(), self.backend.parts_done, self.clock())

    def exact(self) -> None:
        """Nor is any figure another one."""
        store = self.backend.open()
        self.world.check(store, self.backend.parts_done, self.clock(), to_the_byte=True)

    def rebuilt(
        self, days: Days, forget: list[str], on_object: Callable[[], None] = lambda: None
    ) -> list[str]:
        """Rebuild days. If that succeeds, the objects to forget are forgotten. Returns the keys of
        those that stand in the way."""
        store = self.backend.open()
        refs = [ObjectRef("b", key) for key in forget]
        results: list[Rebuilt] = []
        self.attempt(
            lambda: results.append(rebuild(store, self.reader(store), days, refs, on_object))
        )
        for done in results:
            if not done.failed:
                self.world.require_forgotten(self.backend.open(), refs, done.generation)
        return [ref.key for done in results for ref, _ in done.failed]

    def rebuild_whatever_it_takes(self, days: Days) -> None:
        """Rebuild days. What stands in the way is left out, as the message says."""
        in_the_way = self.rebuilt(days, [])
        if in_the_way:
            self.rebuilt(days, in_the_way)

    def reader(self, store: Store) -> Reader:
        """As the composition root makes one, by the settings of the store."""
        return self.world.reader(store.meta().settings.site_pattern, READING, store)

    def ingest(self) -> Ingest:
        store = self.backend.open()
        store.agree()
        return Ingest(self.reader(store), store)

    def run(self, keys: list[str], deadline: Deadline = NEVER) -> list[Outcome]:
        refs = [self.world.versions[key][-1].ref for key in keys if key in self.world.versions]
        found: list[Outcome] = []
        self.attempt(lambda: found.extend(self.ingest()(refs, deadline=deadline)))
        return found

    def attempt(self, work: Callable[[], object]) -> None:
        """Do something that faults may end; afterwards none is left over."""
        with suppress(Crash, StoreError, SettingError):
            work()
        self.backend.clear()


def run(backend: Backend, examples: int, steps: int) -> None:
    """Let Hypothesis look for a way to break the invariant, with more examples or fewer where the
    profile in use wants more or fewer than is usual."""
    examples = max(1, examples * settings().max_examples // 100)
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
    """Whatever is delivered, crashes, meets, is late, overwritten, expired, rebuilt or changed."""
    backend = OnSqlite()
    monkeypatch.setattr("pipeline.store.local.entered", backend.entered)
    monkeypatch.setattr("pipeline.store.local.recounted", backend.recounted)
    run(backend, examples=15, steps=30)


@pytest.mark.parametrize("shards", [1, 3])
def test_nothing_happens_to_a_count_on_dynamodb(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    """The same, and answers are lost, transactions conflict, and the table is throttled."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    backend = OnDynamo(dynamodb.meta.endpoint_url, shards)
    monkeypatch.setattr("pipeline.store.dynamodb.store.is_over", backend.is_over)
    run(backend, examples=4, steps=20)
