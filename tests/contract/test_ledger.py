"""The ledger of every store: listed, with conflicts, and taken over by another store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import StoreError
from pipeline.hours import ALWAYS
from pipeline.source.port import Listed
from pipeline.store.ledger import Conflict
from pipeline.store.port import Store
from pipeline.upkeep.audit import audit
from tests.contract.test_store import HOUR, counted, ref
from tests.support.clock import FakeClock
from tests.support.deltas import commit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_the_ledger_lists_every_object_with_its_records_by_hour(store: Store) -> None:
    """Committed ones with what they hold, failed ones with the reason."""
    one, two = counted("a", HOUR, HOUR + 1), counted("b", HOUR + 30, site="other")
    commit(store, one, two)
    store.record_failure(ref("c"), "truncated")
    found = {entry.ref.key: entry for entry in store.objects()}
    assert found.keys() == {"a", "b", "c"}
    assert found["a"] == store.ledger([one.ref])[one.ref]
    assert found["a"].hours == one.records == {HOUR: HOUR % 7 + 1, HOUR + 1: (HOUR + 1) % 7 + 1}
    assert (found["a"].ref, found["a"].rejected, [*found["a"].sites]) == (
        one.ref,
        one.rejected,
        ["site"],
    )
    assert ([*found["b"].sites], found["b"].records) == (["other"], (HOUR + 30) % 7 + 1)
    assert (found["c"].state, found["c"].reason, found["c"].records) == ("failed", "truncated", 0)


def test_the_latest_entries_are_listed_by_themselves(store: Store, clock: FakeClock) -> None:
    """Those of the hour in which a moment lies, and of the hours after it."""
    for number in range(4):
        commit(store, counted(f"o{number}", HOUR))
        clock.pass_time(minutes=50)
    now = clock()

    def since(**ago: float) -> set[str]:
        return {entry.ref.key for entry in store.objects(now - timedelta(**ago))}

    # They are of 12:00, 12:50, 13:40 and 14:30, and it is 15:20 now.
    assert since(minutes=0) == set()
    assert since(minutes=30) == {"o3"}
    assert since(hours=2) == {"o2", "o3"}
    assert since(hours=3) == since(days=2) == since(days=60) == {"o0", "o1", "o2", "o3"}


def test_a_conflict_is_kept_beside_the_object_that_is_counted(
    store: Store, clock: FakeClock
) -> None:
    """The last etag, how often, and when; the count stays, and so does the object's entry."""
    one = counted("a", HOUR)
    commit(store, one)
    before = store.ledger([one.ref])[one.ref]
    store.record_conflict(ref("a", "e2"))
    clock.pass_time(hours=1)
    store.record_conflict(ref("a", "e3"))
    conflict = Conflict("e3", 2, int(clock().timestamp()))
    assert store.ledger([one.ref])[one.ref] == replace(before, conflict=conflict)
    store.record_conflict(ref("unknown"))
    assert {entry.ref.key for entry in store.objects()} == {"a"}


def test_the_visitors_secret_of_another_store_is_taken_over(store: Store) -> None:
    """So that a visitor of before and one of after are the same."""
    store.restore_visitor_key(b"k" * 32)
    assert store.visitor_key() == b"k" * 32


def test_a_pointer_that_is_changed_wrongly_stays(store: Store) -> None:
    """Nothing can be confirmed that is not open."""
    before = store.meta().generations
    with pytest.raises(StoreError, match="this rebuild is over"):
        store.turn(lambda state: state.confirm(1))
    assert store.meta().generations == before


def test_a_failure_is_dismissed_for_good(store: Store) -> None:
    """The audit is clean, a further failure changes nothing, and the object may still count."""
    one = counted("a", HOUR)
    store.record_failure(one.ref, "truncated")
    store.dismiss(one.ref)
    store.record_failure(one.ref, "truncated again")
    entry = store.ledger([one.ref])[one.ref]
    assert (entry.state, entry.reason, entry.attempts) == ("dismissed", "truncated", 1)
    assert audit(store, ALWAYS, NOW, [Listed(one.ref, NOW - timedelta(days=1))]).problems == []
    with pytest.raises(StoreError, match="nothing is dismissed"):
        store.dismiss(one.ref)
    assert commit(store, one).committed
    assert store.ledger([one.ref])[one.ref].state == "committed"


def test_a_conflict_is_dismissed_until_other_content_comes(store: Store) -> None:
    """The same content again is known; a third content is a conflict of its own."""
    one = counted("a", HOUR)
    commit(store, one)
    store.record_conflict(ref("a", "e2"))
    assert [each.kind for each in audit(store, ALWAYS, NOW).problems] == ["conflict"]
    store.dismiss(one.ref)
    store.record_conflict(ref("a", "e2"))
    conflict = store.ledger([one.ref])[one.ref].conflict
    assert conflict is not None
    assert (conflict.times, conflict.dismissed) == (2, True)
    assert audit(store, ALWAYS, NOW).problems == []
    store.record_conflict(ref("a", "e3"))
    assert [each.kind for each in audit(store, ALWAYS, NOW).problems] == ["conflict"]


@pytest.mark.parametrize("name", ["unknown", "counted"])
def test_nothing_else_is_dismissed(store: Store, name: str) -> None:
    """An object that the ledger does not know, or that has no problem."""
    commit(store, counted("counted", HOUR))
    with pytest.raises(StoreError, match=f"{name} has neither failed nor a conflict"):
        store.dismiss(ref(name))


def test_what_the_ledger_has_forgotten_is_not_listed(store: Store, clock: FakeClock) -> None:
    """Whether or not it was deleted by then; failures stay until they are counted."""
    old, bad = counted("old", HOUR), ref("bad")
    commit(store, old)
    store.record_failure(bad, "truncated")
    assert {entry.ref for entry in store.objects()} == {old.ref, bad}
    clock.pass_time(days=70)
    assert store.ledger([old.ref]) == {}
    assert [entry.ref for entry in store.objects()] == [bad]
