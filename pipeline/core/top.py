"""Heavy hitters that merge: exact up to a cap, then Misra-Gries with a stated error bound.

Agarwal, Cormode, Huang, Phillips, Wei, Yi: "Mergeable summaries", PODS 2012, section 3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.core.counters import ZERO, Vector, add


@dataclass(frozen=True, slots=True)
class Table:
    """The values of one dimension with what was counted for each.

    An entry's vector holds exactly the requests that were seen while its value was in the table,
    so it never counts too much, and at most `bound` requests too few. `other` holds everything
    that is in no entry: entries and `other` together always add up to all requests.

    `weights` are the Misra-Gries counters that decide who stays. They are kept only once
    something was dropped (`bound` > 0); before that a weight is the entry's request count.
    """

    entries: Mapping[str, Vector] = field(default_factory=dict)
    other: Vector = ZERO
    bound: int = 0
    weights: Mapping[str, int] = field(default_factory=dict)

    def weight(self, value: str) -> int:
        """The Misra-Gries counter of a value in the table."""
        return self.weights[value] if self.bound else self.entries[value].requests


def exact_table(entries: dict[str, Vector], cap: int, max_bytes: int) -> Table:
    """The table of values that were counted exactly, of which all may be too many to keep."""
    if _fits(entries, cap, max_bytes):
        return Table(entries)
    weights = {value: vector.requests for value, vector in entries.items()}
    return _prune(entries, weights, ZERO, 0, cap, max_bytes)


def merge_tables(tables: Iterable[Table], cap: int, max_bytes: int) -> Table:
    """One table equivalent to counting the requests of all of them.

    Exact while the distinct values are at most `cap` and together at most `max_bytes` long (in
    characters; the guard that keeps a stored hour small when values are very long). Above that
    the error bound grows, and stays at most N/(k+1) for N requests in a table of k entries.
    """
    entries: dict[str, Vector] = {}
    weights: dict[str, int] = {}
    other, bound = ZERO, 0
    for table in tables:
        other, bound = add(other, table.other), bound + table.bound
        for value, vector in table.entries.items():
            known = entries.get(value)
            entries[value] = vector if known is None else add(known, vector)
            weights[value] = weights.get(value, 0) + table.weight(value)
    return _prune(entries, weights, other, bound, cap, max_bytes)


def _prune(
    entries: dict[str, Vector],
    weights: dict[str, int],
    other: Vector,
    bound: int,
    cap: int,
    max_bytes: int,
) -> Table:
    if _fits(entries, cap, max_bytes):
        return Table(entries, other, bound, weights if bound else {})
    ranked = sorted(entries, key=lambda value: (-weights[value], value))
    # The weight of the first value that does not fit is taken from everyone. At least room + 1
    # counters lose that much, which is why the bound stays at most N / (room + 1).
    cut = weights[ranked[_room(ranked, cap, max_bytes)]]
    kept: dict[str, Vector] = {}
    for value in ranked:
        if weights[value] > cut:
            kept[value] = entries[value]
        else:
            other = add(other, entries[value])
    return Table(kept, other, bound + cut, {value: weights[value] - cut for value in kept})


def _fits(entries: dict[str, Vector], cap: int, max_bytes: int) -> bool:
    return len(entries) <= cap and sum(map(len, entries)) <= max_bytes


def _room(ranked: list[str], cap: int, max_bytes: int) -> int:
    """How many of the ranked values fit: the index of the first one that does not."""
    used = 0
    for position, value in enumerate(ranked):
        used += len(value)
        if position == cap or used > max_bytes:
            return position
    raise AssertionError("pruning a table in which everything fits")
