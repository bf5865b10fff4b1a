"""Fixtures that many tests use; and no test touches a store or an AWS account by accident."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from pipeline import bootstrap
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from tests.support import dynamodb_local
from tests.support.clock import FakeClock

KEPT: dict[str, str | int] = {"retention_days": 30, "ledger_days": 65}
"""For how many days the stores under test keep their rows and ledger entries."""

# How long something takes is measured in benchmarks/, and fails no test on a busy machine.
settings.register_profile("edgetally", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.register_profile(
    "thorough", deadline=None, max_examples=1000, phases=[Phase.generate], database=None
)
settings.load_profile("edgetally")


# A process of pytest-xdist is told a terminal's size, which rich would keep for good.
for variable in ("COLUMNS", "LINES"):
    os.environ.pop(variable, None)
# The functions look for it when they are imported.
os.environ["POWERTOOLS_METRICS_NAMESPACE"] = "edgetally"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test on DynamoDB Local is slow: it waits for a Java process and its transactions."""
    for item in items:
        assert isinstance(item, pytest.Function)
        params = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "dynamodb" in item.fixturenames or any(
            str(value).startswith("dynamodb") for value in params
        ):
            item.add_marker(pytest.mark.slow)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their parameter: gzip's hold the time, and every process of a run must
    give a test the same name."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def _no_real_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run every test in an empty folder, without settings, with credentials that open nothing."""
    for name in list(os.environ):
        if name.startswith(("EDGETALLY_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bootstrap._session.cache_clear()  # it keeps the credentials that it found
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test sets."""
    return FakeClock()


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[Any]:
    """A client of DynamoDB Local, started once for all tests that need it."""
    if reason := dynamodb_local.missing():
        dynamodb_local.skip_or_fail(reason)
    with dynamodb_local.running() as endpoint:
        yield dynamodb_local.client(endpoint)


@pytest.fixture(params=["memory", "sqlite", "dynamodb", "dynamodb-4-shards"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Store:
    """Each of the stores, empty, on the test's clock, keeping rows for 30 days."""
    if request.param == "memory":
        return MemoryStore(KEPT, clock)
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "store.db", KEPT, clock)
    client = request.getfixturevalue("dynamodb")
    shards = 4 if request.param.endswith("4-shards") else 1
    table = dynamodb_local.new_table(client)
    return DynamoStore(client, table, KEPT | {"shards": shards}, clock=clock)
