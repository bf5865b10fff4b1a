"""The settings that rows depend on are the store's, whoever writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import CommitRefused, OtherSettings, SettingError, StoreError
from pipeline.hours import ALWAYS, Span
from pipeline.store import settings as store_settings
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days, Rebuild
from pipeline.store.port import COMMITTED, CommitResult, Store
from pipeline.store.settings import NOTHING, Given
from pipeline.store.sqlite import SqliteStore
from pipeline.upkeep.audit import audit
from pipeline.upkeep.rebuild import confirm, undo
from tests.contract.test_store import HOUR, counted, rows
from tests.support import dynamodb_local
from tests.support.clock import FakeClock
from tests.support.deltas import commit, delta

TODAY = HOUR // 24 + 4
Opening = Callable[..., Store]


@pytest.fixture(params=["sqlite", "dynamodb"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Opening:
    """Opens the same store again and again, as processes with settings of their own would."""
    if request.param == "sqlite":
        return lambda given=NOTHING: SqliteStore(tmp_path / "store.db", given, clock)
    client = request.getfixturevalue("dynamodb")
    table = dynamodb_local.new_table(client)
    return lambda given=NOTHING: DynamoStore(client, table, given, clock=clock)


def requests(store: Store) -> int:
    return sum(each.totals.requests for each in rows(store, "hour").values())


def gap(store: Store, clock: FakeClock) -> int:
    return audit(store, ALWAYS, clock(), sleep=lambda _: None).ledger_gap


def told(store: Store, clock: FakeClock) -> tuple[int, int]:
    """The gap, and the objects that are not shown, as an audit has them."""
    found = audit(store, ALWAYS, clock(), sleep=lambda _: None)
    assert (found.unshown_from < found.unshown_to) is (found.unshown > 0)
    return found.ledger_gap, found.unshown


def begin(store: Store, days: Days) -> Rebuild:
    begun = store.turn(lambda state: state.begin(days))
    return begun.open_rebuild(begun.latest)


def show(store: Store, opened: Rebuild) -> None:
    store.turn(lambda state: state.show(opened.generation))


def test_the_first_writer_writes_them_and_the_others_obey(opened: Opening) -> None:
    """A process that was given none takes them, one that was given others is refused: the message
    has both values and the command."""
    first: Given = {"site_pattern": "(?P<site>a)", "retention_days": 30, "max_paths": 77}
    assert opened(first).agree().given().items() >= first.items()
    for given in (NOTHING, {"max_paths": 77}):
        other = opened(given)
        assert other.agree() == opened().meta().settings
        commit(other, counted(f"o{len(given)}", HOUR))
    wrong = opened({"retention_days": 60})
    message = "retention_days is 60, .* written with 30; .* edgetally settings retention_days=60"
    with pytest.raises(OtherSettings, match=message):
        wrong.agree()
    with pytest.raises(OtherSettings, match=message):
        commit(wrong, counted("wrong", HOUR))
    assert len(list(wrong.objects())) == 2


def test_a_store_that_was_written_without_has_the_defaults(opened: Opening) -> None:
    """A commit writes them too, so nobody can write the next one under others."""
    commit(opened(), counted("a", HOUR))
    with pytest.raises(OtherSettings, match="sampling"):
        opened({"sampling": "logs/=10"}).agree()


def test_what_was_read_under_other_settings_is_not_committed(opened: Opening) -> None:
    """A process that has agreed commits nothing once they are changed, until it starts again."""
    store = opened()
    store.agree()
    opened().settle({"site_pattern": "(?P<site>b)"})
    with pytest.raises(OtherSettings, match="site_pattern"):
        commit(store, counted("a", HOUR))
    assert store.ledger([counted("a").ref]) == {}
    again = opened()
    assert again.agree().site_pattern == "(?P<site>b)"
    assert commit(again, counted("a", HOUR)).committed


def test_settings_are_not_changed_under_a_rebuild(opened: Opening) -> None:
    """It would count some objects under the old ones, and others under the new."""
    opened().turn(lambda state: state.begin(Days(0, 1)))
    with pytest.raises(StoreError, match="another rebuild is open"):
        opened().settle({"sampling": "logs/=10"})


def test_a_newer_store_is_refused(opened: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older edgetally would misread it."""
    opened().agree()
    monkeypatch.setattr(store_settings, "FORMAT", 0)
    with pytest.raises(StoreError, match="has format 1, and this edgetally knows 0; upgrade"):
        commit(opened(), counted("a", HOUR))


@pytest.mark.parametrize("later", [0, 365])
def test_a_retention_that_is_raised_counts_nothing_twice(
    opened: Opening, clock: FakeClock, later: int
) -> None:
    """The ledger's entries live as long as the rows they guard; a day that had gone stays gone."""
    old = counted("old", HOUR - 40 * 24)
    one, two = counted("one", HOUR), counted("two", HOUR)
    store = opened({"retention_days": 30, "ledger_days": 65})
    commit(store, old, one)
    assert requests(store) == HOUR % 7 + 1
    store.settle({"retention_days": later, "ledger_days": 2 * later})
    writer = opened()
    commit(writer, two)
    total = requests(writer)
    clock.pass_time(days=80)
    assert requests(writer) == total
    assert gap(writer, clock) == 0
    for each in (old, one, two):
        assert not commit(writer, each).committed
    assert commit(writer, counted("late", HOUR - 40 * 24)).committed
    assert requests(writer) == total
    assert gap(writer, clock) == 0


def test_a_retention_that_is_lowered_hides_rows_at_once(opened: Opening, clock: FakeClock) -> None:
    """Raising it again does not bring back what may have been deleted by then, and the audit says
    so; a rebuild of the days up to those that are shown does, if nobody undoes it."""
    both = counted("a", HOUR - 40 * 24, HOUR)
    old, late = counted("b", HOUR - 41 * 24), counted("c", HOUR - 40 * 24)
    store = opened({"retention_days": 300, "ledger_days": 400})
    commit(store, both, old)
    total = requests(store)
    store.settle({"retention_days": 30})
    assert set(rows(opened(), "day")) == {("site", "day", HOUR // 24, 0)}
    assert told(opened(), clock) == (0, 0)
    store.settle({"retention_days": 300})
    assert set(rows(opened(), "day")) == {("site", "day", HOUR // 24, 0)}
    assert told(opened(), clock) == (0, 2)
    recent = opened().meta().first_row_day
    for days, keep, shown in (
        (Days(recent - 20, recent - 1), False, False),  # not all days up to those that are shown
        (Days(recent - 20, recent), False, True),
        (Days(recent - 20, recent), True, True),
    ):
        before = requests(opened())
        opening = begin(store, days)
        store.recount(opening, delta(both))
        assert requests(opened()) == before
        store.recount(opening, delta(old))
        show(store, opening)
        assert (requests(opened()) == total) is shown
        assert told(opened(), clock) == ((0, 0) if shown else (0, 2))
        (confirm if keep else undo)(opened())
    assert commit(opened(), late) == COMMITTED
    total += late.hours[HOUR - 40 * 24].totals.requests
    assert requests(opened()) == total
    store.settle({"site_pattern": "(?P<site>x)"})  # another change of settings hides nothing
    assert requests(opened()) == total
    assert told(opened(), clock) == (0, 0)


def test_a_row_of_long_ago_still_goes(dynamodb: Any, clock: FakeClock) -> None:
    """A retention that is lowered gives it a time to live that DynamoDB takes: no more than five
    years ago."""
    table = dynamodb_local.new_table(dynamodb)
    store = DynamoStore(dynamodb, table, clock=clock)
    commit(store, counted("a", HOUR - 9 * 366 * 24))
    store.settle({"retention_days": 30})
    written = dynamodb.scan(TableName=table)["Items"]
    times = [
        int(item["expires"]["N"])
        for item in written
        if item["pk"]["S"].startswith(("hour#", "day#"))
    ]
    assert len(times) == 2
    for each in times:
        assert dynamodb_local.OLDEST_EXPIRY < each < clock().timestamp()


def test_the_ledger_must_outlive_the_rows(opened: Opening) -> None:
    """Else an object could be counted twice into a row that is still there."""
    for given in ({"retention_days": 30, "ledger_days": 30}, {"retention_days": 200}):
        with pytest.raises(SettingError, match="the ledger must outlive them"):
            opened({"ledger_days": 40}).settle(given)


def test_what_the_ledger_may_have_forgotten_is_not_counted(
    opened: Opening, clock: FakeClock
) -> None:
    """Old objects are counted as long as nothing was forgotten; then an object that is older than
    the ledger remembers is refused, though its rows are kept for ever."""
    store = opened({"ledger_days": 50})
    one, old = counted("one", HOUR), counted("old", HOUR - 2000)
    assert commit(store, one, old).committed
    clock.pass_time(days=50)
    assert commit(store, one).duplicates
    assert commit(store, old).duplicates
    late, total = counted("late", HOUR), requests(store) + HOUR % 7 + 1
    assert commit(store, late).committed
    clock.pass_time(days=1)
    refused = (one, old, counted("other", HOUR))
    for _ in range(2):
        assert commit(opened(), late).duplicates
        for each in refused:
            with pytest.raises(CommitRefused, match="older than the ledger remembers"):
                commit(opened(), each)
        opened().settle({"ledger_days": 500})  # which brings back nothing
    assert commit(opened(), counted("new", HOUR + 51 * 24)).committed
    assert requests(store) == total + (HOUR + 51 * 24) % 7 + 1
    assert gap(store, clock) == 0


def test_rows_that_nobody_will_see_are_not_written(opened: Opening) -> None:
    """The ledger has the object all the same, and the commit says that nobody sees it; a second
    delivery is a duplicate. An object with a newer line too is shown by that."""
    store = opened({"retention_days": 30})
    old, both = counted("old", HOUR - 40 * 24), counted("both", HOUR - 40 * 24, HOUR)
    assert commit(store, old, both) == CommitResult(unshown=(old.ref,))
    assert commit(store, old).duplicates
    store.settle({"retention_days": 0})
    assert {key[2] for key in rows(store, "hour")} == {HOUR}


def test_shards_are_of_a_day(dynamodb: Any, clock: FakeClock) -> None:
    """More are used from today on, fewer from the first day without rows; a reader asks each day
    for as many as it has, and nothing is missed."""
    client = dynamodb_local.client(dynamodb.meta.endpoint_url)
    table = dynamodb_local.new_table(client)
    DynamoStore(client, table, {"shards": 2}, clock=clock).agree()
    changes = {TODAY: 8, TODAY + 3: 1}
    days = range(TODAY - 4, TODAY + 8)
    count = 0
    for day in days:
        clock.pass_time(days=int(day > TODAY))
        if day in changes:
            DynamoStore(client, table, clock=clock).settle({"shards": changes[day]})
        store = DynamoStore(client, table, clock=clock)
        for n in range(12):  # some of them late: for days with another number of shards
            one = counted(f"{day}-{n}", day * 24, max(days[0], day - n) * 24 + 1)
            assert commit(store, one).committed
            count += sum(aggregate.totals.requests for aggregate in one.hours.values())
    queries: set[str] = set()

    def note(params: Any, **_: Any) -> None:
        queries.add(params["ExpressionAttributeValues"][":pk"]["S"])

    meta = store.meta()
    client.meta.events.register("provide-client-params.dynamodb.Query", note)
    for day, shards in {days[0]: 2, TODAY - 1: 2, TODAY: 8, TODAY + 5: 8, TODAY + 6: 1}.items():
        queries.clear()
        list(store.read(["site"], [Span("day", day, day + 1)], meta))
        assert len(queries) == shards, day - TODAY
    client.meta.events.unregister("provide-client-params.dynamodb.Query", note)
    assert requests(store) == count
    assert gap(store, clock) == 0
