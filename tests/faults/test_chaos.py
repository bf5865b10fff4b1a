"""A short run of `make chaos`."""

from typing import Any

from tests.faults.chaos import run


def test_processes_that_are_killed_lose_and_invent_nothing(dynamodb: Any) -> None:
    """Four processes, killed about every quarter of a second: equal to the plain count."""
    endpoint = dynamodb.meta.endpoint_url
    figures = run(endpoint, objects=250, processes=4, kill_every=0.25, seed=1)
    assert figures.kills > 5
    assert figures.duplicates >= 50
    assert figures.rebuilds >= 1
    assert figures.dismissed >= 5
