"""Every figure that a page shows is the API's."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pipeline.page import words
from pipeline.page.door import Door
from pipeline.page.words import Figure
from tests.support.fortnight import fortnight
from tests.support.html import Page
from tests.unit.page.test_door import door_of, page_of, request

WINDOWS = ("24h", "7d", "30d", "yesterday", "this_month")


@pytest.fixture(scope="module")
def door() -> Door:
    """The page and the API over two weeks of traffic."""
    return door_of(fortnight())


def asked(door: Door, target: str) -> Any:
    """The JSON of an answer."""
    reply = request(door, f"/metrics/{target}")
    assert reply.status == 200, reply.text
    return reply.json


def share(part: str, digits: int = 2) -> Callable[[Mapping[str, Any]], Figure]:
    """The share of some requests in all."""
    return lambda figures: words.share(figures[part], figures["requests"], digits)


FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "Requests": lambda figures: words.count(figures["requests"]),
    "Bytes sent": lambda figures: words.size(figures["bytes"]),
    "Hit ratio of cacheable": lambda figures: words.percent(figures["cacheable_hit_ratio"]),
    "4xx share": share("errors_4xx"),
    "5xx share": share("errors_5xx"),
    "Time taken, p95": lambda figures: words.time(figures["time_taken_p95_ms"]),
    "Visitors": lambda figures: words.count(figures["unique_visitors"]),
    "Crawlers’ share": share("crawler_requests", 1),
}
CELLS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "requests": lambda each: f"{each['requests']:,}",
    "hit": lambda each: f"{each['hits']:,}",
    "miss": lambda each: f"{each['misses']:,}",
    "other": lambda each: f"{each['result_others']:,}",
    "error": lambda each: f"{each['result_errors']:,}",
    "bytes": lambda each: str(words.size(each["bytes"])),
    "p50": lambda each: str(words.time(each["time_taken_p50_ms"])),
    "p95": lambda each: str(words.time(each["time_taken_p95_ms"])),
    "p99": lambda each: str(words.time(each["time_taken_p99_ms"])),
    "hit ratio": lambda each: str(words.percent(each["cacheable_hit_ratio"])),
    "4xx": lambda each: f"{each['errors_4xx']:,}",
    "5xx": lambda each: f"{each['errors_5xx']:,}",
}
COLUMNS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "requests": lambda each: f"{each['requests']:,}",
    "bytes": lambda each: str(words.size(each["bytes"])),
    "hit": lambda each: str(words.share(each["hits"], each["requests"], 0)),
    "errors": lambda each: f"{each['errors_4xx'] + each['errors_5xx']:,}",
    "mean time": lambda each: str(words.time(each["mean_time_ms"])),
    "missed": lambda each: f"{each['misses']:,}",
}


def texts(page: Page, element: Any, tag: str) -> list[list[str]]:
    """The cells of every row that has cells of a tag."""
    rows = [each for each in element.iter() if str(each.tag).endswith("tr")]
    return [
        [page.text(cell) for cell in row] for row in rows if any(cell.tag == tag for cell in row)
    ]


@pytest.mark.parametrize("window", WINDOWS)
def test_the_figures_are_the_apis(door: Door, window: str) -> None:
    """All eight, with their values in the window before."""
    page = page_of(door, f"window={window}")
    answer = asked(door, f"overview?window={window}&compare=previous")
    shown = page.figures()
    assert list(shown) == list(FIGURES)
    for name, tell in FIGURES.items():
        figure = tell(answer["data"]["figures"])
        assert shown[name] == figure.number + figure.unit, name
    if not answer["compare"]["figures"]["requests"]:
        return  # there is no ratio of no request
    (figures,) = (each for each in page.all("dl") if each.get("class") == "figs")
    for figure, (name, tell) in zip(figures, FIGURES.items(), strict=True):
        was = str(tell(answer["compare"]["figures"]))
        assert page.text(figure[2]).endswith(f"was {was}"), name


@pytest.mark.parametrize("window", WINDOWS)
def test_the_tables_below_the_charts_are_the_apis(door: Door, window: str) -> None:
    """Each row and each column; what the window cuts has a star."""
    page = page_of(door, f"window={window}")
    tables = [each for each in page.all("table") if each.get("class") != "lt"]
    assert len(tables) == 5
    seen = set()
    for table in tables:
        (head,) = texts(page, table, "th")[:1]
        rows = texts(page, table, "td")
        series = asked(
            door,
            f"timeseries?window={window}&by={head[0]}&metrics=requests,bytes,hits,misses,errors_4xx,"
            "errors_5xx,result_others,result_errors,cacheable_hit_ratio,time_taken_p50_ms,"
            "time_taken_p95_ms,time_taken_p99_ms",
        )["data"]
        assert len(rows) == len(series) > 0
        for place, name in enumerate(head):
            if name in CELLS:
                seen.add(name)
                assert [row[place] for row in rows] == [CELLS[name](each) for each in series], name
    assert seen == set(CELLS)


@pytest.mark.parametrize("ranking", ["requests", "bytes", "misses", "errors", "mean_time_ms"])
def test_the_lists_are_the_apis(door: Door, ranking: str) -> None:
    """Each row and each column of every list."""
    page = page_of(door, f"window=7d&paths={ranking}")
    seen = set()
    for section in page.all("section"):
        dimension = (section.get("aria-labelledby") or "").removeprefix("l-")
        lists = [each for each in section.iter() if each.get("class") == "lt"]
        if len(lists) != 1:
            continue
        metric = ranking if dimension == "path" else "requests"
        metric = "bytes" if dimension == "crawler" else metric
        floor = "&min_requests=20" if metric == "mean_time_ms" else ""
        entries = asked(door, f"top/{dimension}?window=7d&metric={metric}&limit=10{floor}")["data"]
        head, *rows = texts(page, lists[0], "th")
        assert len(rows) == len(entries) > 0
        for place, name in enumerate(head):
            if name in COLUMNS and place:
                seen.add(name)
                wanted = [COLUMNS[name](entry) for entry in entries]
                assert [row[place] for row in rows] == wanted, (dimension, name)
    assert seen == set(COLUMNS) - {"errors" if ranking == "misses" else "missed"}
