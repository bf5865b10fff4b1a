"""Latencies: the buckets, the laws, and percentiles against exact ones."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hour.histogram import (
    BUCKETS,
    LONGEST_US,
    RELATIVE_ERROR,
    Histogram,
    buckets_of,
    merge_histograms,
)
from tests.support.aggregates import histograms

PERCENTS = (1, 25, 50, 75, 90, 95, 99, 100)
BOUND = RELATIVE_ERROR * (1 + 1e-9)  # what a float cannot tell apart is no error
times = st.lists(st.integers(0, LONGEST_US), max_size=50)


def of(values: list[int]) -> Histogram:
    return Histogram.of(np.array(values, np.int64))


@given(times)
def test_a_bucket_is_what_counting_up_says(values: list[int]) -> None:
    """The buckets found by table are those found by walking over their bounds."""
    bounds = [0, 1]
    while bounds[-1] <= LONGEST_US:
        bounds.append(bounds[-1] * 101 // 99 + 1)
    assert len(bounds) == BUCKETS + 1
    near = [bound + step for bound in bounds[:-1] for step in (-1, 0) if bound + step >= 0]
    for value, bucket in zip(
        values + near, buckets_of(np.array(values + near)).tolist(), strict=True
    ):
        assert bounds[bucket] <= value < bounds[bucket + 1]


@given(times, times, times)
def test_merging_is_counting_together(a: list[int], b: list[int], c: list[int]) -> None:
    """In any grouping and order, with nothing as the zero."""
    whole = of(a + b + c)
    assert merge_histograms([of(a), of(b), of(c)]) == whole
    assert merge_histograms([merge_histograms([of(c), of(a)]), of(b)]) == whole
    assert merge_histograms([whole, merge_histograms([])]) == whole


@given(histograms, histograms)
def test_unequal_histograms_are_unequal(a: Histogram, b: Histogram) -> None:
    """Sum, maximum and counts all tell."""
    assert (a == b) == (
        (a.sum_us, a.max_us, a.counts.tolist()) == (b.sum_us, b.max_us, b.counts.tolist())
    )
    assert a != Histogram(a.counts, a.sum_us + 1, a.max_us)
    assert a != Histogram(a.counts, a.sum_us, a.max_us + 1)
    assert a != "a histogram"


@given(st.lists(st.integers(0, LONGEST_US), min_size=1, max_size=200))
def test_a_percentile_is_within_one_percent(values: list[int]) -> None:
    """Of the exact one by nearest rank, whatever the times are."""
    found = of(values)
    for percent in PERCENTS:
        exact = sorted(values)[math.ceil(percent * len(values) / 100) - 1]
        assert abs(found.percentile_us(percent) - exact) <= BOUND * exact


def test_there_is_no_percentile_of_nothing() -> None:
    """It is asked for by mistake."""
    with pytest.raises(ValueError, match="no request"):
        of([]).percentile_us(50)


SIZE = 20_000
Draw = Callable[[np.random.Generator], npt.NDArray[Any]]


def uniform(top: int) -> Draw:
    return lambda rng: rng.integers(0, top, SIZE)


def zipf(exponent: float) -> Draw:
    return lambda rng: rng.zipf(exponent, SIZE)


def constant(value: int) -> Draw:
    return lambda rng: np.full(SIZE, value)


def bimodal(low: int, high: int) -> Draw:
    return lambda rng: np.concatenate(
        [rng.normal(low, low / 10, SIZE // 2), rng.normal(high, high / 10, SIZE // 2)]
    )


def lognormal(sigma: float) -> Draw:
    return lambda rng: rng.lognormal(10, sigma, SIZE)


DISTRIBUTIONS: dict[str, Draw] = {
    **{f"uniform to {top:,} us": uniform(top) for top in (10, 1000, 10**6, 10**9)},
    **{f"zipf {exponent}": zipf(exponent) for exponent in (1.05, 1.2, 1.5, 1.8, 2.0)},
    **{f"constant {value}": constant(value) for value in (0, 1, 100, 123_456)},
    "bimodal, far apart": bimodal(1000, 10**6),
    "bimodal, close by": bimodal(20_000, 25_000),
    **{f"lognormal {sigma}": lognormal(sigma) for sigma in (0.5, 1, 2)},
    "exponential": lambda rng: rng.exponential(50_000, SIZE),
    "whole milliseconds": lambda rng: rng.integers(0, 500, SIZE) * 1000,
}


def test_there_are_twenty_distributions() -> None:
    """Uniform, Zipf 1.05 to 2, constant, bimodal and more."""
    assert len(DISTRIBUTIONS) == 20


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_percentiles_of_a_distribution_are_within_one_percent(name: str) -> None:
    """Counted in parts and merged, against the sorted times; sum and maximum exactly."""
    drawn = DISTRIBUTIONS[name](np.random.default_rng(5))
    values = np.clip(drawn, 0, LONGEST_US).astype(np.int64)
    found = merge_histograms([Histogram.of(part) for part in np.array_split(values, 7)])
    assert (found.requests, found.sum_us, found.max_us) == (SIZE, values.sum(), values.max())
    ordered = np.sort(values)
    for percent in range(1, 101):
        exact = int(ordered[math.ceil(percent * SIZE / 100) - 1])
        assert abs(found.percentile_us(percent) - exact) <= BOUND * exact
