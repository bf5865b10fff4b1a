"""The laws of merging, for tables and for whole aggregates, and the codec's identity."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import codec
from pipeline.core.aggregate import EMPTY, HourlyAggregate, merge
from pipeline.core.counters import ZERO, Vector, add
from pipeline.core.top import Table, merge_tables
from tests.support.aggregates import aggregates

streams = st.lists(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=60), max_size=8)


def table_of(stream: list[str]) -> Table:
    return Table.of({value: Vector(n, n * 7) for value, n in Counter(stream).items()})


def union(*parts: Table) -> Table:
    return merge_tables(parts, cap=5, max_bytes=1000)


@given(aggregates, aggregates, aggregates)
def test_merge_is_associative(a: HourlyAggregate, b: HourlyAggregate, c: HourlyAggregate) -> None:
    """Hours may be merged in any grouping."""
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merge([a, b, c])


@given(aggregates, aggregates)
def test_merge_is_commutative_down_to_the_bytes(a: HourlyAggregate, b: HourlyAggregate) -> None:
    """Objects may arrive in any order."""
    assert codec.encode(merge([a, b])) == codec.encode(merge([b, a]))


@given(aggregates)
def test_empty_is_the_zero(a: HourlyAggregate) -> None:
    """Nothing adds nothing."""
    assert merge([a, EMPTY]) == merge([EMPTY, a]) == merge([a]) == a


def test_merging_nothing_is_empty() -> None:
    """A window without rows is empty."""
    assert merge([]) == EMPTY


def test_many_aggregates_merge_like_few() -> None:
    """The batches in which a long stream is taken leave no trace."""
    one = HourlyAggregate(totals=Vector(1, 2, 3, 4, 5, 6, 7), objects={-1: 1})
    assert merge([one] * 100).totals == Vector(100, 200, 300, 400, 500, 600, 700)
    assert merge([one] * 100).objects == {-1: 100}


@given(streams)
def test_a_table_below_its_cap_is_exact(parts: list[list[str]]) -> None:
    """With few values, the merged table is the plain count."""
    merged = merge_tables(map(table_of, parts), cap=26, max_bytes=1000)
    expected = Counter(value for part in parts for value in part)
    assert {value: vector.requests for value, vector in merged.entries.items()} == expected
    assert (merged.bound, merged.other) == (0, ZERO)


@given(streams)
def test_a_full_table_keeps_its_promises(parts: list[list[str]]) -> None:
    """However it is merged: never too much, at most `bound` too little, and nothing is lost."""
    truth = Counter(value for part in parts for value in part)
    total = sum(truth.values())
    left = Table()
    for part in parts:
        left = union(left, table_of(part))
    for merged in (left, union(*map(table_of, parts))):
        assert len(merged.entries) <= 5
        assert merged.bound <= total / 6
        for value, requests in truth.items():
            held = merged.entries.get(value, ZERO).requests
            assert requests - merged.bound <= held <= requests
        everything = sum((v.requests for v in merged.entries.values()), merged.other.requests)
        assert everything == total
        assert add(ZERO, merged.other).bytes == merged.other.requests * 7


@given(streams)
def test_a_full_table_survives_the_codec(parts: list[list[str]]) -> None:
    """Bound, rest and the counters that decide who stays are stored too."""
    merged = union(*map(table_of, parts))
    stored = codec.decode(codec.encode(HourlyAggregate(tables={"path": merged}))).tables["path"]
    assert stored == merged


@settings(max_examples=20)
@given(st.integers(1, 400))
def test_long_values_cannot_grow_a_table(length: int) -> None:
    """Values are kept only as far as their length leaves room, and the bound says so."""
    table = Table.of({f"{n:03d}" + "x" * length: Vector(n) for n in range(1, 200)})
    merged = merge_tables([table], cap=1000, max_bytes=5000)
    assert sum(map(len, merged.entries)) <= 5000
    kept = len(merged.entries)
    assert merged.bound <= sum(range(1, 200)) / (kept + 1)
    assert (merged.bound > 0) == (kept < 199)


def test_a_million_random_paths_do_not_push_out_the_top() -> None:
    """A flood of distinct values neither grows the row nor hides the heavy hitters."""
    flood = (
        Table.of({"/top": Vector(300)} | {f"/{n}-{m}": Vector(1) for m in range(20_000)})
        for n in range(50)
    )
    table = Table()
    for part in flood:
        table = merge_tables([table, part], 1000, 80_000)
    assert table.entries["/top"].requests == 50 * 300
    assert table.bound <= 50 * 20_300 / 1001
    assert len(codec.encode(HourlyAggregate(tables={"path": table}))) < 300_000
