"""The laws of merging, for tables and for whole aggregates, and the codec's identity."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hour import codec
from pipeline.hour.aggregate import EMPTY, HourlyAggregate, merge
from pipeline.hour.heavy_hitters import Table, gathered, merge_tables
from pipeline.hour.totals import Totals, merge_totals
from pipeline.hour.vector import MEASURES, ZERO, Vector, add
from pipeline.schema.dimensions import DIMENSIONS
from tests.support.aggregates import aggregates, hour_with
from tests.support.examples import examples

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
    one = hour_with(Vector(1, 2, 3, 4, 5, 6, 7, 8), objects={-1: 1})
    assert merge([one] * 100).totals.counts == Vector(100, 200, 300, 400, 500, 600, 700, 800)
    assert merge([one] * 100).totals.objects == {-1: 100}


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
    stored = codec.decode(codec.encode(hour_with(tables={"path": merged}))).sketches.tables["path"]
    assert stored == merged


@examples(20)
@given(st.integers(1, 400))
def test_long_values_cannot_grow_a_table(length: int) -> None:
    """Values are kept only as far as their length leaves room, and the bound says so."""
    table = Table.of({f"{n:03d}" + "x" * length: Vector(n) for n in range(1, 200)})
    merged = merge_tables([table], cap=1000, max_bytes=5000)
    assert sum(map(len, merged.entries)) <= 5000
    kept = len(merged.entries)
    assert merged.bound <= sum(range(1, 200)) / (kept + 1)
    assert (merged.bound > 0) == (kept < 199)


@pytest.mark.slow
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
    assert len(codec.encode(hour_with(tables={"path": table}))) < 300_000


CAP, SIZE = 100, 20_000


def uniform(rng: np.random.Generator, distinct: int) -> list[int]:
    return list(map(int, rng.integers(0, distinct, SIZE)))


def zipf(rng: np.random.Generator, exponent: float) -> list[int]:
    return list(map(int, rng.zipf(exponent, SIZE)))


def against_the_cap(rng: np.random.Generator, heavy: int) -> list[int]:
    """A few values just above N/(cap+1), hidden in a flood in which nothing comes twice."""
    share = SIZE // (CAP + 1) + 1
    return [n for n in range(heavy) for _ in range(share)] + list(range(1000, 1000 + SIZE // 2))


def in_turn(rng: np.random.Generator, distinct: int) -> list[int]:
    """One more value than the cap, again and again: every one is always the next to go."""
    return [n % distinct for n in range(SIZE)]


STREAMS: dict[str, list[int]] = {
    **{f"uniform {d}": uniform(np.random.default_rng(d), d) for d in (50, 101, 150, 1000, 50_000)},
    **{
        f"zipf {s}": zipf(np.random.default_rng(1), s) for s in (1.05, 1.1, 1.2, 1.3, 1.5, 1.7, 2.0)
    },
    "constant": [7] * SIZE,
    "bimodal": zipf(np.random.default_rng(2), 2.0) + uniform(np.random.default_rng(3), 5000),
    **{f"against the cap {h}": against_the_cap(np.random.default_rng(), h) for h in (1, 10, 49)},
    **{f"in turn {d}": in_turn(np.random.default_rng(), d) for d in (101, 102, 200)},
}


def test_there_are_twenty_streams() -> None:
    """Uniform, Zipf 1.05 to 2, constant, bimodal, and made against the cap."""
    assert len(STREAMS) == 20


@pytest.mark.parametrize("parts", [1, 7, 60])
@pytest.mark.parametrize("name", STREAMS)
def test_heavy_hitters_of_a_stream_are_kept(name: str, parts: int) -> None:
    """Whatever comes, in one part or many, merged one by one or as a tree: each value above
    N/(cap+1) is there, and every count and its bytes are within the bound that is stated."""
    stream = STREAMS[name]
    order = np.random.default_rng(9).permutation(len(stream))
    pieces = [[f"/{stream[n]}" for n in piece] for piece in np.array_split(order, parts)]
    truth = Counter(f"/{n}" for n in stream)
    tables = [table_of(piece) for piece in pieces]
    one_by_one = Table()
    for table in tables:
        one_by_one = merge_tables([one_by_one, table], CAP, 10**6)
    tree = [merge_tables([table], CAP, 10**6) for table in tables]
    while len(tree) > 1:
        tree = [merge_tables(tree[n : n + 2], CAP, 10**6) for n in range(0, len(tree), 2)]
    at_once = merge_tables(tables, CAP, 10**6)
    for merged in (one_by_one, *tree, at_once):
        entries = merged.entries
        assert len(entries) <= CAP
        assert merged.bound <= len(stream) / (CAP + 1)
        for value, requests in truth.items():
            held = entries.get(value, ZERO)
            assert requests - merged.bound <= held.requests <= requests
            assert held.bytes == held.requests * 7
            assert held.requests or requests <= len(stream) / (CAP + 1)
        everything = add(merged.other, Vector(*map(int, merged.counts.sum(axis=1))))
        assert everything == Vector(len(stream), len(stream) * 7)


def test_a_total_beyond_64_bits_is_refused() -> None:
    """Columns would wrap around in silence: the sum that fits is made, the next one is not."""
    half = hour_with(Vector(2**62, 2**62, 1, 1, 1, 1, 2**62))
    assert merge([half, hour_with(Vector(2**62 - 1))]).totals.requests == 2**63 - 1
    for totals in (Vector(2**62), Vector(1, 2**62), Vector(1, 0, 0, 0, 0, 0, 2**62)):
        with pytest.raises(OverflowError, match="9,223,372,036,854,775,808 does not fit 64 bits"):
            merge([half, hour_with(totals)])


def test_times_are_the_earliest_and_the_latest() -> None:
    """Whichever part they are in, and where a part has none."""
    parts = [hour_with(first_us=5, last_us=7), EMPTY, hour_with(first_us=3, last_us=4)]
    merged, nothing = merge(parts).totals, merge([EMPTY]).totals
    assert (merged.first_us, merged.last_us) == (3, 7)
    assert (nothing.first_us, nothing.last_us) == (None, None)


def test_counts_of_lines_and_objects_add_up() -> None:
    """Reasons and previous hours are kept apart."""
    reasons = {"bad_timestamp": 2, "bad_json": 1}
    a = Totals(Vector(1), 10, 5, 2, objects={-1: 2, 7: 1}, rejected={"bad_timestamp": 1})
    b = Totals(Vector(2), 20, 7, 3, objects={7: 4}, rejected=reasons)
    merged = merge_totals([a, b])
    assert (merged.bytes_received, merged.cacheable, merged.cacheable_hits) == (30, 12, 5)
    assert merged.objects == {-1: 2, 7: 5}
    assert merged.rejected == {"bad_timestamp": 3, "bad_json": 1}
    assert merged.objects_since(7) == 2
    assert merged.objects_since(8) == 7


def test_headroom_keeps_more_than_the_cap() -> None:
    """For an answer that is not stored, values and their room are many times the cap's."""
    hours = [
        hour_with(Vector(30), tables={"host": Table.of({f"{n}.{k}": Vector(1) for n in range(30)})})
        for k in range(3)
    ]
    few = dict.fromkeys(DIMENSIONS, 30)
    assert len(merge(hours, few, headroom=3).sketches.tables["host"]) == 90
    assert merge(hours, few, headroom=3).sketches.tables["host"].bound == 0
    assert merge(hours, few, headroom=2).sketches.tables["host"].bound == 1
    assert merge(hours[:2], few).sketches.tables["host"].bound == 1


@pytest.mark.parametrize(("room", "kept"), [(15, 5), (14, 4), (6, 2), (5, 1), (2, 0)])
def test_the_cut_falls_where_room_ends(room: int, kept: int) -> None:
    """Values of three bytes, the heaviest first, as many as there is room for."""
    table = Table.of({f"/a{n}": Vector(n) for n in range(1, 6)})
    merged = merge_tables([table], 10, room)
    assert sorted(merged.entries) == [f"/a{n}" for n in range(6 - kept, 6)]
    assert merged.bound == (0 if kept == 5 else 5 - kept)
    assert merged.weights.tolist() == [
        vector.requests - merged.bound for vector in merged.entries.values()
    ]


def test_room_is_measured_in_utf_8() -> None:
    """What a value takes in a row, not how many characters it has."""
    table = Table.of({"é" * 10: Vector(2), "e" * 10: Vector(1)})
    assert merge_tables([table], 10, 30).bound == 0
    assert merge_tables([table], 10, 29).bound == 1


def test_equal_weights_go_together() -> None:
    """Which of them is cut must not depend on their order."""
    values = {f"/{n}": Vector(1) for n in range(10)}
    backwards = dict(reversed(values.items()))
    assert merge_tables([Table.of(values)], 5, 1000) == merge_tables([Table.of(backwards)], 5, 1000)
    merged = merge_tables([Table.of(values)], 5, 1000)
    assert (len(merged), merged.bound, merged.other) == (0, 1, Vector(10))


def test_tables_are_equal_by_what_they_say() -> None:
    """In any order of values; and every part of them counts."""
    table = Table.of({"a": Vector(2), "b": Vector(1)}, Vector(3), 1, {"a": 1, "b": 0})
    same = Table.of({"b": Vector(1), "a": Vector(2)}, Vector(3), 1, {"b": 0, "a": 1})
    assert table == same
    for other in (
        Table.of({"a": Vector(2), "b": Vector(2)}, Vector(3), 1, {"a": 1, "b": 0}),
        Table.of({"a": Vector(2), "c": Vector(1)}, Vector(3), 1, {"a": 1, "c": 0}),
        Table.of({"a": Vector(2), "b": Vector(1)}, Vector(4), 1, {"a": 1, "b": 0}),
        Table.of({"a": Vector(2), "b": Vector(1)}, Vector(3), 2, {"a": 1, "b": 0}),
        Table.of({"a": Vector(2), "b": Vector(1)}, Vector(3), 1, {"a": 2, "b": 0}),
        "a table",
    ):
        assert table != other


def test_values_that_become_the_same_are_one() -> None:
    """Logged values whose counted value is one are added up, in every measure."""
    counts = np.arange(MEASURES * 3, dtype=np.int64).reshape(MEASURES, 3)
    assert gathered(["a", "b", "a"], counts).entries == {
        "a": Vector(*(2 + 6 * n for n in range(MEASURES))),
        "b": Vector(*(1 + 3 * n for n in range(MEASURES))),
    }
    assert gathered([], np.zeros((MEASURES, 0), np.int64)) == Table()
