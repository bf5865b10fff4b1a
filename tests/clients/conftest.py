"""A served API with traffic in it, and the programs that ask it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from demo.traffic import objects
from pipeline.api.app import Api
from pipeline.bootstrap import open_ingest, open_service, open_store
from pipeline.cli.server import make_server
from pipeline.settings import load_settings
from pipeline.source.files import file_ref
from tests.support.dynamodb_local import skip_or_fail

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ROOT / ".clients" / "bin"
TOKEN = "a-token"


class Served(NamedTuple):
    """Where an API is served, and the token that opens it."""

    url: str
    token: str


@pytest.fixture(scope="module")
def programs() -> Path:
    """Where the programs are."""
    if not (PROGRAMS / "schemathesis").exists():
        skip_or_fail("schemathesis is missing: run `make test`, which installs it")
    return PROGRAMS


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The API as `edgetally serve` serves it, over a file with some days of traffic of the site
    that the document's examples name."""
    folder = tmp_path_factory.mktemp("served")
    settings = load_settings(store=f"sqlite:///{folder}/store.db")
    store = open_store(settings)
    refs = []
    for number, each in enumerate(objects(5, 40, 100, datetime.now(UTC), hours=72)):
        file = folder / f"E2EXAMPLE.2026-11-24-10.{number:08x}.gz"
        file.write_bytes(each.body)
        refs.append(file_ref(file))
    count = open_ingest(settings, store)
    assert {outcome.state for outcome in count(refs)} == {"committed"}
    service = open_service(settings, store, _unexpected)
    api = Api(service)
    server = make_server(api, 0, TOKEN)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.port}", TOKEN)
    finally:
        server.stop()
        thread.join()


def _unexpected(error: Exception) -> None:
    raise AssertionError(error)
