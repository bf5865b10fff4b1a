"""The dashboard file for Grafana, and the document beside it: the API answers all that they ask."""

import csv
import io
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pipeline.api.app import Api
from tests.support.api import Reply, ask
from tests.support.fortnight import fortnight, serving

DOCS = Path(__file__).parents[3] / "docs"
DASHBOARD = json.loads((DOCS / "grafana" / "edgetally.json").read_text("utf-8"))
DOCUMENT = (DOCS / "grafana.md").read_text("utf-8")
RANGE = {
    "${__from:date:iso}": "2026-11-20T09:12:41.123Z",
    "${__to:date:iso}": "2026-11-27T09:12:41.123Z",
    "${by}": "hour",
}
VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}


@pytest.fixture(scope="module")
def api() -> Api:
    """The API over two weeks of traffic."""
    return Api(serving(fortnight()))


def asked(api: Api, url: str, values: dict[str, str]) -> Reply:
    """The answer to a query, with Grafana's variables filled in."""
    for name, value in values.items():
        url = url.replace(name, value)
    assert "$" not in url
    reply = ask(api, url)
    assert reply.status == 200, (url, reply.text)
    return reply


def rows_of(reply: Reply, query: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that Infinity finds in an answer."""
    if query["type"] == "csv":
        assert reply.headers["content-type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(reply.text)))
    found = reply.json
    for name in filter(None, query["root_selector"].split(".")):
        found = found[name]
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("site", ["all", "one"])
@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_every_panel_has_its_columns(api: Api, panel: dict[str, Any], site: str) -> None:
    """Of all sites or of one, each with the type that the panel takes it for."""
    sites = VARIABLES["site"]
    chosen = sites["allValue"] if site == "all" else "site=E2EXAMPLE1DEMO"
    (query,) = panel["targets"]
    rows = rows_of(asked(api, query["url"], RANGE | {"${site:raw}": chosen}), query)
    assert rows
    for column in query["columns"]:
        values = [row[column["selector"]] for row in rows]
        known = [value for value in values if value not in (None, "")]
        assert known, column
        if column["type"] == "number":
            assert [float(value) for value in known]
        elif column["type"] == "timestamp":
            assert all(datetime.fromisoformat(value).tzinfo for value in known)
        else:
            assert all(isinstance(value, str) for value in known)


def test_the_panels_say_what_the_summary_says(api: Api) -> None:
    """The figures of a whole range, and the sums of its steps."""
    panels = {panel["title"]: panel["targets"][0] for panel in DASHBOARD["panels"]}
    values = RANGE | {"${site:raw}": VARIABLES["site"]["allValue"]}
    summary = asked(
        api, "/metrics/summary?from=${__from:date:iso}&to=${__to:date:iso}", RANGE
    ).json["data"]
    (figures,) = rows_of(asked(api, panels["Figures"]["url"], values), panels["Figures"])
    assert figures["requests"] == summary["total_records"] > 0
    assert figures["bytes"] == summary["bytes_sent"]
    query = panels["Requests by result"]
    steps = rows_of(asked(api, query["url"], values), query)
    assert len(steps) == 7 * 24 + 1
    selected = [column["selector"] for column in query["columns"][1:]]
    assert sum(step[name] for step in steps for name in selected) == summary["total_records"]


def test_the_steps_to_choose_are_the_apis(api: Api) -> None:
    """And the sites are those that there are."""
    (query,) = (panel["targets"][0] for panel in DASHBOARD["panels"] if panel["title"] == "Bytes")
    for option in VARIABLES["by"]["options"]:
        values = RANGE | {"${by}": option["value"], "${site:raw}": VARIABLES["site"]["allValue"]}
        assert rows_of(asked(api, query["url"], values), query)
    sites = VARIABLES["site"]["query"]["infinityQuery"]
    assert rows_of(asked(api, sites["url"], {}), sites) == [
        {"site": "E2EXAMPLE1DEMO", "sampling_percent": 100}
    ]
    assert sites["computed_columns"][0]["selector"] == "'site=' + site"


def test_panels_are_beside_each_other() -> None:
    """None on another, none outside of Grafana's 24 columns; each with a number of its own."""
    panels = DASHBOARD["panels"]
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not own & cells, panel["title"]
        cells |= own
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_prometheus_gets_what_the_document_says(api: Api) -> None:
    """By the document's own job; every figure that it names is there, under its label."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
    (job,) = yaml.safe_load(blocks[0])["scrape_configs"]
    path = job["metrics_path"].removeprefix("/v1")
    reply = asked(api, f"{path}?{urlencode(job['params'], doseq=True)}", {})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in text_string_to_metric_families(reply.text)}  # type: ignore[no-untyped-call]
    named = re.findall(r"(edgetally_\w+)(?:\{(\w+)=)?", DOCUMENT.partition("## OpenMetrics")[2])
    assert len(named) >= 7
    for name, label in named:
        assert families[name].samples, name
        assert not label or all(label in sample.labels for sample in families[name].samples)
