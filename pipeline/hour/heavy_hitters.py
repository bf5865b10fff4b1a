"""Heavy hitters that merge: exact up to a cap, then Misra-Gries with a stated error bound.

Agarwal, Cormode, Huang, Phillips, Wei, Yi: "Mergeable summaries", PODS 2012, section 3.

A table is kept by columns, because hundreds of hours are merged for one answer: adding a column
to a column takes a nanosecond an entry, adding entry to entry a microsecond.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count

import numpy as np

from pipeline.arrays import Integers
from pipeline.hour.vector import MEASURES, ZERO, Vector, add


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The values of one dimension with the counts of each.

    `counts` has a row per measure of `Vector` and a column per value. A value's column holds
    exactly the requests that were seen while the value was in the table, so it never counts too
    much, and at most `bound` requests too few. `other` holds the requests that are under no value:
    the columns and `other` together always add up to all requests.

    `weights` are the Misra-Gries counters, by which values stay. They are kept only once a value
    was dropped (`bound` > 0). Before that a weight is the value's number of requests.
    """

    values: Sequence[str] = ()
    counts: Integers = field(default_factory=lambda: np.zeros((MEASURES, 0), np.int64))
    other: Vector = ZERO
    bound: int = 0
    kept_weights: Integers | None = None

    @classmethod
    def of(
        cls,
        entries: Mapping[str, Vector],
        other: Vector = ZERO,
        bound: int = 0,
        weights: Mapping[str, int] | None = None,
    ) -> "Table":
        """The table of these entries; `weights` is needed where `bound` is not 0."""
        counts = np.array(list(entries.values()), np.int64).reshape(-1, MEASURES).T
        kept = [weights[value] for value in entries] if weights and bound else None
        return cls(
            list(entries),
            np.ascontiguousarray(counts),
            other,
            bound,
            None if kept is None else np.array(kept, np.int64),
        )

    @property
    def weights(self) -> Integers:
        """The Misra-Gries counter of each value."""
        return self.counts[0] if self.kept_weights is None else self.kept_weights

    @property
    def entries(self) -> dict[str, Vector]:
        """The vector of each value."""
        return dict(zip(self.values, map(Vector._make, self.counts.T.tolist()), strict=True))

    def at(self, places: Iterable[int]) -> dict[str, Vector]:
        """The vectors of the values at these places."""
        return {self.values[at]: Vector._make(self.counts[:, at].tolist()) for at in places}

    def vectors(self, values: Collection[str]) -> dict[str, Vector]:
        """The vectors of those of the values that are here."""
        return self.at(place for place, value in enumerate(self.values) if value in values)

    def with_requests(self, value: str, requests: int) -> "Table":
        """The table in which a value has so many requests, of which no more is known. With none it
        is not there."""
        place = list(self.values).index(value)
        if requests > 0:
            counts = self.counts.copy()
            counts[:, place] = Vector(requests=requests)
            return replace(self, counts=counts)
        weights = self.kept_weights
        return replace(
            self,
            values=[each for each in self.values if each != value],
            counts=np.delete(self.counts, place, axis=1),
            kept_weights=None if weights is None else np.delete(weights, place),
        )

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        """Whether the other table has the same counts, in any order of values."""
        if not isinstance(other, Table):
            return NotImplemented
        return (self.other, self.bound) == (other.other, other.bound) and _by_value(
            self
        ) == _by_value(other)

    __hash__ = None  # type: ignore[assignment] # equal by content, which is not hashed


def _by_value(table: Table) -> dict[str, tuple[int, ...]]:
    rows = np.vstack([table.counts, table.weights]).T.tolist()
    return dict(zip(table.values, map(tuple, rows), strict=True))


def unknown_table(totals: Vector) -> Table:
    """The table of requests whose values were not kept: all are in `other`, and any value may lack
    as many."""
    return Table(other=totals, bound=totals.requests)


def gathered(values: Sequence[str], counts: Integers) -> Table:
    """The table of values, which may be repeated, with a column of counts for each."""
    distinct, places = _placed(values, len(values))
    return Table(distinct, _summed(places, len(distinct), counts))


def merge_tables(tables: Iterable[Table], cap: int, max_bytes: int) -> Table:
    """One table equivalent to counting the requests of all of them.

    Exact while the distinct values are at most `cap` and together at most `max_bytes` long (in
    UTF-8), which keeps a stored hour small if values are very long. Above that the error bound
    grows, and stays at most N/(k+1) for N requests in a table of k values.
    """
    parts = list(tables)
    if len(parts) == 1:
        return _pruned(parts[0], cap, max_bytes)
    names = chain.from_iterable(part.values for part in parts)
    distinct, places = _placed(names, sum(map(len, parts)))
    other, bound = ZERO, 0
    for part in parts:
        other, bound = add(other, part.other), bound + part.bound
    counts = _summed(places, len(distinct), *(part.counts for part in parts))
    weights = None
    if bound:
        weights = _summed(places, len(distinct), *(part.weights[np.newaxis] for part in parts))[0]
    return _pruned(Table(distinct, counts, other, bound, weights), cap, max_bytes)


def _placed(values: Iterable[str], size: int) -> tuple[list[str], Integers]:
    """The distinct values, and the place of each of the `size` values among them."""
    place: defaultdict[str, int] = defaultdict(count().__next__)
    places = np.fromiter(map(place.__getitem__, values), np.int64, size)
    return list(place), places


def _summed(places: Integers, size: int, *parts: Integers) -> Integers:
    """The columns of the parts, added up by their places."""
    summed = np.zeros((MEASURES, size), np.int64)
    for total, columns in zip(summed, zip(*parts, strict=True), strict=False):
        np.add.at(total, places, np.concatenate(columns))
    return summed


def _pruned(table: Table, cap: int, max_bytes: int) -> Table:
    """The table without the values that there is no room for."""
    if len(table) <= cap and len("".join(table.values).encode()) <= max_bytes:
        return table  # nearly always
    sizes = np.array([len(value.encode()) for value in table.values], np.int64)
    weights = table.weights
    # By weight, then by size: the cut must not depend on the order of the values.
    ranked = np.lexsort((sizes, -weights))
    too_long = np.flatnonzero(np.cumsum(sizes[ranked]) > max_bytes)
    room = min(cap, int(too_long[0]) if len(too_long) else len(ranked))
    if room >= len(ranked):
        return table
    # The weight of the first value that does not fit is taken from every counter. At least
    # room + 1 counters lose it, so the bound stays at most N / (room + 1).
    cut = int(weights[ranked[room]])
    stays = weights > cut
    dropped = Vector._make(table.counts[:, ~stays].sum(axis=1).tolist())
    return Table(
        [table.values[place] for place in np.flatnonzero(stays).tolist()],
        table.counts[:, stays],
        add(table.other, dropped),
        table.bound + cut,
        weights[stays] - cut,
    )
