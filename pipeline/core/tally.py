"""Arrow columns → one aggregate per hour, by group-bys on dictionary codes."""

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.counters import Vector, add
from pipeline.core.dimensions import DIMENSIONS, Dimension
from pipeline.core.rows import no_rows
from pipeline.core.top import Table, exact_table
from pipeline.core.window import HOUR_US

_HITS = frozenset({"Hit", "RefreshHit"})
_MISSES = frozenset({"Miss"})
_SUMMED = tuple((name, "sum") for name in Vector._fields)


def tally(rows: pa.Table) -> dict[int, HourlyAggregate]:
    """The aggregate of every hour (since the epoch) that the rows of `Rows.table` lie in."""
    return {hour: _aggregate(part) for hour, part in _by_hour(rows)}


def joined(tables: list[pa.Table]) -> pa.Table:
    """Several of `Rows.table` as one, with one dictionary for each dimension."""
    if not tables:
        return no_rows()
    if len(tables) == 1:
        return tables[0]
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _by_hour(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    if not rows.num_rows:
        return
    extremes = pc.min_max(rows.column("time"))
    first, last = extremes["min"].as_py() // HOUR_US, extremes["max"].as_py() // HOUR_US
    if first == last:  # nearly always
        yield first, rows
        return
    hours = pc.divide(rows.column("time"), HOUR_US)
    order = pc.sort_indices(hours)
    rows = rows.take(order)
    runs = pc.run_end_encode(hours.take(order).combine_chunks())
    start = 0
    for hour, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield hour, rows.slice(start, end - start)
        start = end


def _aggregate(rows: pa.Table) -> HourlyAggregate:
    extremes = pc.min_max(rows.column("time"))
    vectors = _vectors(rows)
    totals = Vector(*(pc.sum(vectors[name], min_count=0).as_py() for name in Vector._fields))
    return HourlyAggregate(
        totals=totals,
        bytes_received=pc.sum(rows.column("bytes_received"), min_count=0).as_py(),
        first_us=extremes["min"].as_py(),
        last_us=extremes["max"].as_py(),
        tables={
            dimension.name: _table(rows.column(dimension.name), vectors, dimension)
            for dimension in DIMENSIONS.values()
        },
    )


def _vectors(rows: pa.Table) -> dict[str, pa.Array]:
    """A column per measure of `Vector`; 0 or 1 for those that count requests."""
    return {
        "requests": pa.repeat(pa.scalar(1, pa.int8()), rows.num_rows),
        "bytes": rows.column("bytes_sent"),
        "hits": _flags(rows, "result_type", lambda value: value in _HITS),
        "misses": _flags(rows, "result_type", lambda value: value in _MISSES),
        "errors_4xx": _flags(rows, "status", lambda value: value.startswith("4")),
        "errors_5xx": _flags(rows, "status", lambda value: value.startswith("5")),
        "time_us": rows.column("time_us"),
    }


def _flags(rows: pa.Table, dimension: str, holds: Callable[[str], bool]) -> pa.Array:
    """1 where the counted value of a dimension satisfies the predicate, else 0."""
    words = rows.column(dimension).combine_chunks()
    clean = DIMENSIONS[dimension].clean
    flags = [int(holds(clean(word))) for word in words.dictionary.to_pylist()]
    return pa.array(flags, pa.int8()).take(words.indices)


def _table(column: pa.ChunkedArray, vectors: dict[str, pa.Array], dimension: Dimension) -> Table:
    words = column.combine_chunks()
    sums = (
        pa.table({"code": words.indices, **vectors})
        .group_by("code", use_threads=False)
        .aggregate(list(_SUMMED))
    )
    logged = words.dictionary.to_pylist()
    columns = [sums.column(f"{name}_sum").fill_null(0).to_pylist() for name in Vector._fields]
    entries: dict[str, Vector] = {}
    for code, *counts in zip(sums.column("code").to_pylist(), *columns, strict=True):
        value = dimension.clean(logged[code])
        vector = Vector._make(counts)
        known = entries.get(value)
        entries[value] = vector if known is None else add(known, vector)
    return exact_table(entries, dimension.cap, dimension.max_bytes)
