"""Arrow columns → one aggregate per hour of a site.

Nothing is done row by row in Python: a row adds to numpy arrays by the codes of its dictionary
columns, and Python sees each distinct value once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.arrays import Codes, Flags, Integers
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.heavy_hitters import Table, gathered
from pipeline.hour.histogram import Histogram
from pipeline.hour.hyperloglog import Uniques, hash_of
from pipeline.hour.sketches import Sketches
from pipeline.hour.totals import Totals
from pipeline.hour.vector import FAILURES, HITS, MISSES
from pipeline.read.layout import CLOCK_FIELDS, COUNTED
from pipeline.read.records import CLOCK, numbers, words
from pipeline.schema.dimensions import ABSENT, DIMENSIONS, NO_CAPS
from pipeline.schema.fields import (
    BYTES_RECEIVED,
    BYTES_SENT,
    CLIENT_IP,
    DISTRIBUTION,
    FIRST_BYTE,
    METHOD,
    ORIGIN_FIRST_BYTE,
    ORIGIN_LAST_BYTE,
    PROTOCOL,
    RESULT_TYPE,
    STATUS,
    TIME_TAKEN,
    USER_AGENT,
)
from pipeline.sites import Place
from pipeline.tally.cube import Measured, vectors
from pipeline.tally.five_minutes import five_minutes
from pipeline.tally.meaning import CACHEABLE, CLEAN, UPGRADES, is_4xx, is_5xx, is_switched
from pipeline.tally.memo import Memo
from pipeline.tally.naming import Naming, lines_by_place, place_keys
from pipeline.tally.visitors import Visitors

FIELDS = tuple(dict.fromkeys(dimension.field for dimension in DIMENSIONS.values()))
"""The fields that dimensions count."""

_LOGGED = COUNTED - CLOCK_FIELDS - {DISTRIBUTION}

_PATH_HASH = Memo(hash_of)


def tally(
    tables: Iterable[pa.Table], visitors: Visitors, naming: Naming
) -> dict[Place, HourlyAggregate]:
    """The aggregates of the rows of these `Rows.table`, by the hour and site of their lines.

    The tables of dimensions have all values, whatever their caps.
    """
    found: dict[Place, HourlyAggregate] = {}
    for rows in _joined(tables):
        for place, part in _by_place(rows, naming):
            added = _aggregate(part, visitors)
            found[place] = merge([found[place], added], NO_CAPS) if place in found else added
    return found


def _joined(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables with the same columns as one, with one dictionary for each column of words."""
    alike: dict[tuple[str, ...], list[pa.Table]] = {}
    for table in tables:
        alike.setdefault(tuple(table.column_names), []).append(table)
    for parts in alike.values():
        if len(parts) > 1:
            yield pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        else:
            yield parts[0]


def _by_place(rows: pa.Table, naming: Naming) -> Iterator[tuple[Place, pa.Table]]:
    times = rows.column(CLOCK).to_numpy()
    codes, sites = naming.sites(rows)
    lines = lines_by_place(times, codes, sites)
    if len(lines) <= 1:  # nearly always
        for place in lines:
            yield place, rows
        return
    order = np.argsort(place_keys(times, codes, len(sites)), kind="stable")
    rows = rows.take(pa.array(order))
    start = 0
    for place, count in lines.items():
        yield place, rows.slice(start, count)
        start += count


@dataclass(frozen=True, slots=True)
class _Words:
    """The logged values of a field, and the place of each row's value among them (`codes`)."""

    codes: Codes
    logged: list[str]

    def flags(self, dimension: str, holds: Callable[[str], bool]) -> Flags:
        """By row, whether the counted value of a dimension satisfies a predicate."""
        clean = CLEAN[dimension]
        found: Flags = np.array([holds(clean[value]) for value in self.logged], bool)
        flags: Flags = found[self.codes]
        return flags


def _aggregate(rows: pa.Table, visitors: Visitors) -> HourlyAggregate:
    fields = {name: _Words(*words(rows, name)) for name in FIELDS}
    results, status = fields[RESULT_TYPE], fields[STATUS]
    sessions = _sessions(status, fields[PROTOCOL])
    taken = numbers(rows, TIME_TAKEN)
    time_taken = np.where(sessions, -1, taken) if sessions.any() else taken
    measured = Measured(
        hits=results.flags("result_type", HITS.__contains__),
        misses=results.flags("result_type", MISSES.__contains__),
        errors_4xx=status.flags("status", is_4xx),
        errors_5xx=status.flags("status", is_5xx),
        bytes=np.maximum(numbers(rows, BYTES_SENT), 0),
        time_us=np.maximum(time_taken, 0),
        timed=time_taken >= 0,
    )
    cacheable = fields[METHOD].flags("method", CACHEABLE.__contains__)
    cacheable &= {METHOD, RESULT_TYPE, STATUS} <= set(rows.column_names)  # else it is unknown
    cacheable &= ~results.flags("result_type", FAILURES.__contains__)
    cacheable &= ~(measured.errors_4xx | measured.errors_5xx)
    tables = _tables(fields, measured)
    times = rows.column(CLOCK).to_numpy()
    totals = Totals(
        counts=measured.totals(),
        bytes_received=int(np.maximum(numbers(rows, BYTES_RECEIVED), 0).sum()),
        cacheable=int(np.count_nonzero(cacheable)),
        cacheable_hits=int(np.count_nonzero(cacheable & measured.hits)),
        first_us=int(times.min()),
        last_us=int(times.max()),
        sessions=int(np.count_nonzero(sessions)),
        lacking=lacking(rows.column_names, rows.num_rows),
        five_minutes=five_minutes(times, measured.bytes, measured.errors_5xx, taken),
    )
    sketches = Sketches(
        tables=tables,
        latency=_latency(rows, taken, measured, sessions),
        visitors=_visitors(_Words(*words(rows, CLIENT_IP)), fields[USER_AGENT], visitors),
        paths=paths_of(tables["path"]),
    )
    return HourlyAggregate(totals, sketches)


def _sessions(status: _Words, protocol: _Words) -> Flags:
    """Whether a request became a WebSocket session. Without a status, its protocol says so."""
    switched = status.flags("status", is_switched)
    if ABSENT not in map(CLEAN["status"].__getitem__, status.logged):
        return switched
    unsaid = status.flags("status", ABSENT.__eq__)
    return switched | unsaid & protocol.flags("protocol", UPGRADES.__contains__)


def _tables(fields: dict[str, _Words], measured: Measured) -> dict[str, Table]:
    found = vectors(
        [each.codes for each in fields.values()],
        [len(each.logged) for each in fields.values()],
        measured,
    )
    logged = [each.logged for each in fields.values()]
    return tables_of(dict(zip(fields, zip(logged, found, strict=True), strict=True)))


def tables_of(fields: Mapping[str, tuple[list[str], Integers]]) -> dict[str, Table]:
    """The table of each dimension, from the logged values of its field and a column of counts for
    each."""
    tables: dict[str, Table] = {}
    for field, (values, counts) in fields.items():
        seen = counts[0] > 0  # there may also be values of other hours
        if not seen.all():
            values = [values[place] for place in np.flatnonzero(seen).tolist()]
            counts = counts[:, seen]
        for dimension in DIMENSIONS.values():
            if dimension.field == field:
                clean = CLEAN[dimension.name]
                tables[dimension.name] = gathered(list(map(clean.__getitem__, values)), counts)
    return tables


def lacking(fields: Iterable[str], lines: int) -> dict[str, int]:
    """The number of lines without each field, given the fields of all of them."""
    return dict.fromkeys(sorted(_LOGGED.difference(fields)), lines)


def _latency(
    rows: pa.Table, taken: Integers, measured: Measured, sessions: Flags
) -> dict[str, Histogram]:
    times = {
        "time_taken": taken[measured.timed],
        "time_taken_hits": taken[measured.timed & measured.hits],
        "time_taken_misses": taken[measured.timed & measured.misses],
        "session_time": taken[sessions],
    }
    for name, field in (
        ("time_to_first_byte", FIRST_BYTE),
        ("origin_first_byte", ORIGIN_FIRST_BYTE),
        ("origin_last_byte", ORIGIN_LAST_BYTE),
    ):
        times[name] = numbers(rows, field)[~sessions]
    known = {name: each[each >= 0] for name, each in times.items()}
    return {name: Histogram.of(each) for name, each in known.items() if len(each)}


def _visitors(addresses: _Words, agents: _Words, visitors: Visitors) -> Uniques | None:
    hashes = visitors.hashes(addresses.codes, addresses.logged, agents.codes, agents.logged)
    return Uniques.of(hashes) if len(hashes) else None


def paths_of(table: Table) -> Uniques:
    """The set of the paths of a table that has all of them."""
    hashes = map(_PATH_HASH.__getitem__, table.values)
    return Uniques.of(np.fromiter(hashes, np.uint64, len(table.values)))
