"""Hours in which every table is full and every histogram and set is busy."""

import numpy as np

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import Histogram
from pipeline.hour.hyperloglog import Uniques, mixed
from pipeline.hour.sketches import HISTOGRAMS, Sketches
from pipeline.hour.totals import Totals
from pipeline.hour.vector import MEASURES, Vector
from pipeline.schema.dimensions import DEFAULT_CAPS, DIMENSIONS

_CUT = 50


def full_hour(seed: int) -> HourlyAggregate:
    """An hour of a million requests: of each dimension, another third of all its values."""
    rng = np.random.default_rng(seed)
    tables = {name: _full(name, DEFAULT_CAPS[name], rng) for name in DIMENSIONS}
    times = {
        name: Histogram.of(rng.lognormal(10, 1, 20_000).astype(np.int64)) for name in HISTOGRAMS
    }
    seen = Uniques.of(mixed(rng.integers(0, 2**63, 50_000).astype(np.uint64)))
    totals = Totals(Vector(*[2**40] * MEASURES), first_us=1, last_us=2, objects={-1: 60})
    return HourlyAggregate(totals, Sketches(tables, times, seen, seen))


def _full(name: str, cap: int, rng: np.random.Generator) -> Table:
    if name == "status":
        cap = 500  # there are no more in HTTP
    numbers = np.sort(rng.choice(3 * cap, cap, replace=False))
    values = [f"/section-{n % 40}/{name}-{n}.html" for n in numbers.tolist()]
    requests = rng.permutation((1e6 / np.arange(1, cap + 1)).astype(np.int64)) + _CUT + 1
    noise = rng.integers(0, 10_000, cap)
    counts = np.stack(
        [
            requests,
            requests * 45_000 + noise,
            requests * 6 // 10,
            requests * 2 // 10,
            requests // 20,
            requests // 50,
            requests * 80_000 + noise,
            requests,
        ]
    )
    return Table(values, counts, Vector(10**4, 10**9), _CUT, requests - _CUT)
