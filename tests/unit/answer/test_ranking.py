"""A ranking of a table: the foremost values, found without looking at each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answer.metrics import RANKED
from pipeline.answer.ranking import TopQuestion
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.sketches import Sketches
from pipeline.hour.totals import Totals
from pipeline.hour.vector import Vector
from pipeline.schema.dimensions import ABSENT
from tests.support.aggregates import values

few = st.integers(0, 3)
entries = st.dictionaries(
    values | st.just(ABSENT), st.builds(Vector, st.integers(1, 4), *[few] * 7), max_size=12
)


@pytest.mark.parametrize("metric", RANKED)
@pytest.mark.parametrize("dimension", ["path", "crawler"])
@given(entries=entries, limit=st.integers(1, 5), least=st.integers(1, 3))
def test_the_foremost_values_are_those_of_a_whole_ranking(
    dimension: str, metric: str, entries: dict[str, Vector], limit: int, least: int
) -> None:
    """Whatever is equal, too rare, or no crawler; and the next page begins behind them."""
    whole = HourlyAggregate(
        Totals(Vector(requests=sum(vector.requests for vector in entries.values()))),
        Sketches(tables={dimension: Table.of(entries)}),
    )
    ranked = [
        (value, vector)
        for value, vector in sorted(
            entries.items(), key=lambda entry: (-RANKED[metric](entry[1]), entry[0])
        )
        if vector.requests >= least and (dimension == "path" or value != ABSENT)
    ]
    question = TopQuestion(
        0, 1, dimension=dimension, metric=metric, limit=limit, min_requests=least
    )
    page = question.page(whole, "")
    assert page.counted == ranked[:limit]
    if page.end is None:
        assert len(ranked) <= limit
    else:
        behind = question.at(question.cursor(page.end)).page(whole, "")
        assert behind.counted == ranked[limit : 2 * limit]
