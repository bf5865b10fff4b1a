"""The merge of sketches, and the table of a dimension."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from pipeline.hour.heavy_hitters import Table, merge_tables, unknown_table
from pipeline.hour.histogram import Histogram, merge_histograms
from pipeline.hour.hyperloglog import merge_uniques
from pipeline.hour.sketches import Sketches
from pipeline.hour.vector import Vector
from pipeline.schema.dimensions import DIMENSIONS, Caps

Part: TypeAlias = tuple[Vector, Sketches]
"""The counts of a set of requests, and the sketches of it."""


def kept_table(sketches: Sketches, counts: Vector, dimension: str) -> Table:
    """The table of a dimension for the requests of `counts`.

    If it was not kept, all requests are under no value, and the table's bound says so.
    """
    kept = sketches.tables.get(dimension)
    return unknown_table(counts) if kept is None else kept


def merge_sketches(parts: Sequence[Part], caps: Caps, headroom: int) -> Sketches:
    """The sketches of the lines of all parts. A table keeps up to `headroom` times its cap."""
    return Sketches(
        tables=_merge_tables(parts, caps, headroom),
        latency=_merge_latency([sketches for _, sketches in parts]),
        visitors=merge_uniques(sketches.visitors for _, sketches in parts),
        paths=merge_uniques(sketches.paths for _, sketches in parts),
    )


def _merge_tables(parts: Sequence[Part], caps: Caps, headroom: int) -> dict[str, Table]:
    return {
        name: merge_tables(
            (kept_table(sketches, counts, name) for counts, sketches in parts if counts.requests),
            caps[name] * headroom,
            caps[name] * headroom * DIMENSIONS[name].value_bytes,
        )
        for name in _names(sketches.tables for _, sketches in parts)
    }


def _merge_latency(parts: Sequence[Sketches]) -> dict[str, Histogram]:
    return {
        name: merge_histograms(part.latency[name] for part in parts if name in part.latency)
        for name in _names(part.latency for part in parts)
    }


def _names(mappings: Iterable[Iterable[str]]) -> list[str]:
    """The distinct keys, in the order in which they come."""
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))
