"""Counts of many columns at once, against one row at a time."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hour.vector import MEASURES, ZERO, Vector, add
from pipeline.tally.cube import Measured, vectors


@pytest.mark.parametrize("rows", [1, 7, 300, 20_000])
@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.integers(0, 2**32))
def test_each_column_has_the_vectors_of_its_values(rows: int, sizes: list[int], seed: int) -> None:
    """Whether columns share a cube or not, and also where a value never occurs."""
    rows = min(rows, 2000 if seed % 10 else rows)
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, size, rows).astype(np.int32) for size in sizes]
    share = (0.0, 0.5, 1.0)[seed % 3]
    kinds, codes = rng.integers(0, 3, rows), rng.integers(0, 3, rows)
    measured = Measured(
        kinds == 1, kinds == 2, codes == 1, codes == 2,
        rng.integers(0, 10**12, rows), rng.integers(0, 10**13, rows), rng.random(rows) < share,
    )  # fmt: skip
    per_row = [
        Vector(1, *map(int, row))
        for row in zip(
            measured.bytes, measured.hits, measured.misses,
            measured.errors_4xx, measured.errors_5xx, measured.time_us, measured.timed, strict=True,
        )
    ]  # fmt: skip
    total = ZERO
    for vector in per_row:
        total = add(total, vector)
    assert measured.totals() == total
    for column, size, found in zip(columns, sizes, vectors(columns, sizes, measured), strict=True):
        expected: defaultdict[int, Vector] = defaultdict(lambda: ZERO)
        for code, vector in zip(column.tolist(), per_row, strict=True):
            expected[code] = add(expected[code], vector)
        assert found.shape == (MEASURES, size)
        assert [Vector._make(each) for each in found.T.tolist()] == [
            expected[code] for code in range(size)
        ]
