"""Arrow columns → one aggregate per hour.

Nothing is done row by row in Python: a row adds to numpy arrays by the codes of its dictionary
columns, and Python sees each distinct value once.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.counters import HITS, MISSES
from pipeline.core.cubes import Measured, vectors
from pipeline.core.dimensions import DIMENSIONS
from pipeline.core.fields import (
    BYTES_RECEIVED,
    BYTES_SENT,
    FIRST_BYTE,
    METHOD,
    ORIGIN_FIRST_BYTE,
    ORIGIN_LAST_BYTE,
    RESULT_TYPE,
    STATUS,
    TIME_TAKEN,
)
from pipeline.core.histogram import Histogram
from pipeline.core.memo import Memo
from pipeline.core.rows import VISITOR, WORDS, no_rows
from pipeline.core.top import Integers, Table, gathered
from pipeline.core.uniques import Uniques, hash_of
from pipeline.core.window import HOUR_US

Flags = npt.NDArray[np.bool_]

_CACHEABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_FAILED = frozenset({"Error", "LimitExceeded", "CapacityExceeded"})

_CLEAN = {dimension.name: Memo(dimension.clean) for dimension in DIMENSIONS.values()}
_PATH_HASH = Memo(hash_of)


def tally(rows: pa.Table) -> dict[int, HourlyAggregate]:
    """The aggregate of every hour (since the epoch) that the rows of `Rows.table` lie in. Its
    tables have all values, whatever their caps."""
    return {hour: _aggregate(part) for hour, part in _by_hour(rows)}


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Several of `Rows.table` as one, with one dictionary for each column of words."""
    if not tables:
        return no_rows()
    if len(tables) == 1:
        return tables[0]
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def hours_of(times: Integers) -> Integers:
    """The hours since the epoch that these times (epoch microseconds) lie in, each once."""
    if not len(times):
        return np.zeros(0, np.int64)
    first, last = times.min() // HOUR_US, times.max() // HOUR_US
    return np.array([first]) if first == last else np.unique(times // HOUR_US)


def _by_hour(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    times = rows.column("time").to_numpy()
    hours = hours_of(times)
    if len(hours) <= 1:  # nearly always
        for hour in hours.tolist():
            yield hour, rows
        return
    hour_of_row = times // HOUR_US
    order = np.argsort(hour_of_row, kind="stable")
    rows = rows.take(pa.array(order))
    ends = np.searchsorted(hour_of_row[order], hours, side="right").tolist()
    for hour, start, end in zip(hours.tolist(), [0, *ends], ends, strict=False):
        yield hour, rows.slice(start, end - start)


def _aggregate(rows: pa.Table) -> HourlyAggregate:
    words = {name: rows.column(name).combine_chunks() for name in WORDS}
    codes = {name: column.indices.to_numpy() for name, column in words.items()}
    logged = {name: column.dictionary.to_pylist() for name, column in words.items()}

    def flags(field: str, dimension: str, holds: Callable[[str], bool]) -> Flags:
        """Whether the counted value of a dimension satisfies the predicate, by row."""
        clean = _CLEAN[dimension]
        found = np.array([holds(clean[value]) for value in logged[field]], bool)
        flagged: Flags = found[codes[field]]
        return flagged

    hits = flags(RESULT_TYPE, "result_type", HITS.__contains__)
    errors_4xx = flags(STATUS, "status", lambda value: value.startswith("4"))
    errors_5xx = flags(STATUS, "status", lambda value: value.startswith("5"))
    measured = Measured(
        hits=hits,
        misses=flags(RESULT_TYPE, "result_type", MISSES.__contains__),
        errors_4xx=errors_4xx,
        errors_5xx=errors_5xx,
        bytes=_numbers(rows, BYTES_SENT, 0),
        time_us=_numbers(rows, TIME_TAKEN, 0),
    )
    cacheable = flags(METHOD, "method", _CACHEABLE.__contains__) & ~(errors_4xx | errors_5xx)
    cacheable &= ~flags(RESULT_TYPE, "result_type", _FAILED.__contains__)
    counts = vectors(
        [codes[name] for name in WORDS], [len(logged[name]) for name in WORDS], measured
    )
    tables = _tables(logged, dict(zip(WORDS, counts, strict=True)))
    times = rows.column("time").to_numpy()
    return HourlyAggregate(
        totals=measured.totals(),
        bytes_received=int(_numbers(rows, BYTES_RECEIVED, 0).sum()),
        cacheable=int(cacheable.sum()),
        cacheable_hits=int((cacheable & hits).sum()),
        first_us=int(times.min()),
        last_us=int(times.max()),
        tables=tables,
        latency=_latency(rows, measured),
        visitors=_visitors(rows),
        paths=_paths(tables["path"]),
    )


def _tables(logged: dict[str, list[str]], counts: dict[str, Integers]) -> dict[str, Table]:
    """The table of each dimension, from the vectors of the logged values of its field."""
    tables: dict[str, Table] = {}
    for field, values in logged.items():
        seen = counts[field][0] > 0  # a dictionary may also hold values of other hours
        vectors = counts[field] if seen.all() else counts[field][:, seen]
        if not seen.all():
            values = [values[place] for place in np.flatnonzero(seen).tolist()]
        for dimension in DIMENSIONS.values():
            if dimension.field == field:
                clean = _CLEAN[dimension.name]
                tables[dimension.name] = gathered(list(map(clean.__getitem__, values)), vectors)
    return tables


def _numbers(rows: pa.Table, name: str, absent: int) -> Integers:
    numbers: Integers = rows.column(name).fill_null(absent).to_numpy()
    return numbers


def _latency(rows: pa.Table, measured: Measured) -> dict[str, Histogram]:
    taken = _numbers(rows, TIME_TAKEN, -1)
    known = taken >= 0
    times = {
        "time_taken": taken[known],
        "time_taken_hits": taken[known & measured.hits],
        "time_taken_misses": taken[known & measured.misses],
    }
    for name, field in (
        ("time_to_first_byte", FIRST_BYTE),
        ("origin_first_byte", ORIGIN_FIRST_BYTE),
        ("origin_last_byte", ORIGIN_LAST_BYTE),
    ):
        if rows.column(field).null_count < rows.num_rows:
            found = _numbers(rows, field, -1)
            times[name] = found[found >= 0]
    return {name: Histogram.of(found) for name, found in times.items() if len(found)}


def _visitors(rows: pa.Table) -> Uniques | None:
    hashes = rows.column(VISITOR)
    if hashes.null_count == rows.num_rows:
        return None
    return Uniques.of(hashes.drop_null().to_numpy())


def _paths(table: Table) -> Uniques:
    hashes = map(_PATH_HASH.__getitem__, table.values)
    return Uniques.of(np.fromiter(hashes, np.uint64, len(table.values)))
