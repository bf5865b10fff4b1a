"""The counts of every value of every column, in a few passes over the rows.

Columns with few values share a pass: their codes together are the coordinates of a row in a cube
of counts, and a column's own counts are the sums along the other axes. So a dozen columns cost
little more than one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from pipeline.arrays import Codes, Flags, Integers
from pipeline.hour.vector import MEASURES, Vector

_ROWS_PER_CELL = 8
"""The rows of a cube per cell, at least: summing a cube must cost less than filling it."""
_CELLS = 8192
"""The most cells of a cube that columns share, so that it stays in the processor's cache."""
_KINDS = 9


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of `Vector` by row. No row is both a hit and a miss, or both a 4xx and a 5xx."""

    hits: Flags
    misses: Flags
    errors_4xx: Flags
    errors_5xx: Flags
    bytes: Integers
    time_us: Integers
    timed: Flags

    def totals(self) -> Vector:
        """The sums over all rows."""
        return Vector(
            requests=len(self.bytes),
            bytes=int(self.bytes.sum()),
            hits=int(self.hits.sum()),
            misses=int(self.misses.sum()),
            errors_4xx=int(self.errors_4xx.sum()),
            errors_5xx=int(self.errors_5xx.sum()),
            time_us=int(self.time_us.sum()),
            timed=int(self.timed.sum()),
        )


def vectors(columns: Sequence[Codes], sizes: Sequence[int], measured: Measured) -> list[Integers]:
    """The counts of each column of codes: a row per measure, a column per code below its size."""
    kinds = _kinds(measured)
    found: dict[int, Integers] = {}
    for group in _groups(sizes, len(measured.bytes)):
        shape = [sizes[column] for column in group]
        cells = np.zeros(len(measured.bytes), np.int64)
        for column in group:
            cells *= sizes[column]
            cells += columns[column]
        cube = _cube(cells, prod(shape), kinds, measured).reshape(MEASURES, *shape)
        for axis, column in enumerate(group, start=1):
            others = tuple(each for each in range(1, len(group) + 1) if each != axis)
            found[column] = cube.sum(axis=others)
    return [found[column] for column in range(len(columns))]


def _groups(sizes: Sequence[int], rows: int) -> Iterator[list[int]]:
    """The columns that share a cube, the ones with few values first."""
    most = min(_CELLS, rows // _ROWS_PER_CELL)
    group: list[int] = []
    cells = 1
    for column in sorted(range(len(sizes)), key=sizes.__getitem__):
        if group and cells * sizes[column] > most:
            yield group
            group, cells = [], 1
        group.append(column)
        cells *= sizes[column]
    if group:
        yield group


def _kinds(measured: Measured) -> Integers:
    """One number for a row's four flags, so that one count gives those of all flags."""
    results = measured.hits.astype(np.int64) + 2 * measured.misses.astype(np.int64)
    return 3 * results + measured.errors_4xx + 2 * measured.errors_5xx.astype(np.int64)


def _cube(cells: Integers, size: int, kinds: Integers, measured: Measured) -> Integers:
    """The measures of each cell: a row per measure."""
    by_kind = np.bincount(cells * _KINDS + kinds, minlength=size * _KINDS).reshape(size, 3, 3)
    by_result, by_status = by_kind.sum(axis=2), by_kind.sum(axis=1)
    cube = np.zeros((MEASURES, size), np.int64)
    cube[0] = by_result.sum(axis=1)
    np.add.at(cube[1], cells, measured.bytes)
    cube[2:4] = by_result[:, 1:].T
    cube[4:6] = by_status[:, 1:].T
    np.add.at(cube[6], cells, measured.time_us)
    cube[7] = cube[0] - np.bincount(cells[~measured.timed], minlength=size)  # nearly none
    return cube
