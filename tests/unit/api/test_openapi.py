"""The OpenAPI document, and the page that is made of it."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.api.app import Api
from pipeline.api.docs.openapi import document
from pipeline.api.docs.page import POLICY, page
from pipeline.api.problems import KINDS, ProblemDocument
from pipeline.api.routes import ROUTES
from pipeline.store.memory import MemoryStore
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock

ROOT = Path(__file__).parents[3]


@pytest.fixture
def api(clock: FakeClock) -> Api:
    store = MemoryStore(clock=clock)
    count(store, clock, "a")
    return make_api(store, clock)


def refers(value: Any) -> set[str]:
    """Every reference inside of a value."""
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*map(refers, value.values()))
    return set().union(*map(refers, value)) if isinstance(value, list) else set()


def test_the_document_is_whole() -> None:
    """Every route with its parameters, answers and problems; every reference leads somewhere."""
    said = document(ROUTES)
    assert list(said["paths"]) == list(ROUTES)
    for reference in refers(said):
        target: Any = said
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]
        assert target
    for path, item in said["paths"].items():
        operation = item["get"]
        assert list(item) == ["get"]
        assert operation["summary"]
        assert {"200", "400", "401", "403", "404", "405", "429", "500", "503"} <= set(
            operation["responses"]
        )
        names = {each.name for each in ROUTES[path].parameters}
        documented = {each["name"]: each for each in operation["parameters"]}
        assert set(documented) - {"If-None-Match"} == names
        assert all(each["description"] and each["schema"] for each in documented.values())
    assert all(kind in said["info"]["description"] for kind in KINDS)


SHAPED = [path for path, route in ROUTES.items() if route.shape is not None]


@pytest.mark.parametrize("path", SHAPED)
def test_an_example_is_of_the_shape_of_its_answer(path: str) -> None:
    """The document has an example of every answer, of the documented shape."""
    content = document(ROUTES)["paths"][path]["get"]["responses"]["200"]["content"][
        "application/json"
    ]
    shape = ROUTES[path].shape
    assert shape is not None
    msgspec.convert(content["example"], shape)
    assert content["schema"] == {"$ref": f"#/components/schemas/{shape.__name__}"}


@pytest.mark.parametrize("path", SHAPED)
def test_an_answer_is_of_its_documented_shape(path: str, api: Api) -> None:
    """It has the documented members and no others, with `compare` too where there is that."""
    route, target = ROUTES[path], path.replace("{dimension}", "path")
    msgspec.json.decode(ask(api, target).text, type=route.shape)
    if any(each.name == "compare" for each in route.parameters):
        text = ask(api, f"{target}?compare=previous").text
        msgspec.json.decode(text, type=route.shape)
        assert '"compare":{"from":' in text


def test_a_problem_is_of_its_documented_shape(api: Api) -> None:
    """Whatever it is about."""
    for target in ("/metrics/nothing", "/metrics/summary?x=1", "/metrics/top/path?limit=0"):
        answer = ask(api, target)
        problem = msgspec.json.decode(answer.text, type=ProblemDocument)
        assert problem.status == answer.status


class Loads(HTMLParser):
    """What a page would load, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.loads += [said[name] for name in ("src", "srcset", "data", "action") if name in said]
        self.loads += [tag] if tag in ("script", "link", "iframe", "img", "object") else []
        self.links += [said["href"]] if "href" in said else []
        self.names |= {said["id"]} if "id" in said else set()


def test_the_page_loads_nothing() -> None:
    """No script, no picture, no other host; its links lead to itself and to the document."""
    text = page(document(ROUTES)).decode()
    parsed = Loads()
    parsed.feed(text)
    assert parsed.loads == []
    assert {link for link in parsed.links if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in parsed.links if link.startswith("#")} <= parsed.names
    assert "url(" not in text
    assert "style-src 'sha256-" in POLICY
    assert "unsafe" not in POLICY
    for path, route in ROUTES.items():
        assert f"GET {path}" in text
        assert all(each.name in text for each in route.parameters)


def test_serving_loads_numpy_only_for_sketches() -> None:
    """Neither Arrow nor numpy to start, nor for a time series of totals; numpy for a table."""
    # The store is filled by a process of its own, since tallying takes numpy.
    fill = """
from pathlib import Path
from pipeline.store.sqlite import SqliteStore
from tests.support.api import count
from tests.support.clock import FakeClock
clock = FakeClock()
count(SqliteStore(Path("store.db"), clock=clock), clock, "a")
"""
    use = """
import sys
from dataclasses import replace
from datetime import datetime, UTC
import handlers.summaries
from pipeline.api.app import Api
from pipeline.bootstrap import open_service, open_store
from pipeline.settings import load_settings
settings = load_settings(store="sqlite:///store.db")
now = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
service = open_service(settings, open_store(settings), print)
api = Api(replace(service, clock=lambda: now))
def get(path, query):
    event = {"httpMethod": "GET", "path": path, "queryStringParameters": query}
    answer = api(event, None)
    assert answer["statusCode"] == 200, answer
    return answer["body"]
heavy = {"numpy", "pyarrow", "aws_xray_sdk"}
assert not heavy & set(sys.modules), "at the start"
body = get("/metrics/timeseries", {"metrics": "requests,hit_ratio"})
assert '"requests":4' in body, body
get("/metrics/health", {})
get("/metrics/openapi.json", {})
assert not heavy & set(sys.modules), "for totals"
get("/metrics/top/path", {})
assert heavy & set(sys.modules) == {"numpy"}
"""
    for each in (fill, use):
        done = subprocess.run(
            [sys.executable, "-c", each],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_the_page_is_plain_text_where_it_shows_text() -> None:
    """What stands in the document is escaped: a `<` in it is no tag."""
    text = page(document(ROUTES)).decode()
    assert not re.search(r"<(?!/?[a-z!][a-z0-9]*[\s>]|!doctype)", text)
