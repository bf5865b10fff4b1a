"""The limits of one transaction of DynamoDB: its actions, and the bytes of all rows together."""

import pytest

from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.rows import MAX_ACTIONS, MAX_BYTES, fits

HALF = MAX_BYTES // 2


@pytest.mark.parametrize(
    ("sizes", "actions", "held"),
    [
        ((HALF, MAX_BYTES - HALF), 2, True),
        ((HALF, MAX_BYTES - HALF + 1), 2, False),
        ((10,), MAX_ACTIONS, True),
        ((10,), MAX_ACTIONS + 1, False),
    ],
)
def test_a_transaction_holds_so_much(sizes: tuple[int, ...], actions: int, held: bool) -> None:
    """One byte or one action more has to be divided."""
    blobs = {RowKey("site", "hour", hour): bytes(size) for hour, size in enumerate(sizes)}
    assert fits(blobs, [None] * actions) is held


def test_the_limits_are_below_those_of_dynamodb() -> None:
    """A transaction of DynamoDB takes 100 actions and 4 MB."""
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    assert 50 <= MAX_ACTIONS <= 100
    assert 2_000_000 <= MAX_BYTES < 4_000_000
