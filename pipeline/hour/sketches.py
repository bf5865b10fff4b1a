"""The sketches of an hour: values of fixed size that summarise any number of log lines.

This module holds them and needs no numpy; `merging` merges them, `packing` stores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pipeline.hour.heavy_hitters import Table
    from pipeline.hour.histogram import Histogram
    from pipeline.hour.hyperloglog import Uniques

Wanted: TypeAlias = "frozenset[str] | None"
"""The sketches to read beside the totals: names of dimensions and histograms, `visitors`,
`paths`. None is all of them."""
TOTALS: Wanted = frozenset()
EVERYTHING: Wanted = None

HISTOGRAMS = (
    "time_taken",
    "time_taken_hits",
    "time_taken_misses",
    "time_to_first_byte",
    "origin_first_byte",
    "origin_last_byte",
    "session_time",
)
"""The histograms of an hour. Hits and misses are those of `Vector`. The time of a WebSocket session
is in `session_time` alone."""


@dataclass(frozen=True, slots=True)
class Sketches:
    """The sketches of a set of log lines.

    `tables` has a table for each dimension that was kept, `latency` a histogram for each of
    `HISTOGRAMS` that has any time. `visitors` is None if no line had a client IP.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    latency: Mapping[str, Histogram] = field(default_factory=dict)
    visitors: Uniques | None = None
    paths: Uniques | None = None


NO_SKETCHES = Sketches()


def only(wanted: Wanted, sketches: Sketches) -> Sketches:
    """The wanted ones of the sketches."""
    if wanted is None:
        return sketches
    return Sketches(
        tables={name: table for name, table in sketches.tables.items() if name in wanted},
        latency={name: times for name, times in sketches.latency.items() if name in wanted},
        visitors=sketches.visitors if "visitors" in wanted else None,
        paths=sketches.paths if "paths" in wanted else None,
    )
