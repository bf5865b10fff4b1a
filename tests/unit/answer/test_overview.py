"""An overview: all of its figures are those of the other routes."""

from datetime import datetime
from typing import Any

import pytest

from pipeline.answer.metrics import DEFAULT_METRICS, METRICS
from pipeline.answer.overview import SERIES
from pipeline.api.app import Api
from pipeline.hours import hour_of
from pipeline.schema.dimensions import DIMENSIONS
from tests.support.api import ask
from tests.support.fortnight import NOW, fortnight, serving

ZONE = "tz=Europe/Berlin"
WINDOW = f"window=7d&{ZONE}"


@pytest.fixture(scope="module")
def api() -> Api:
    """The API over two weeks of traffic."""
    return Api(serving(fortnight()))


def answer(api: Api, target: str) -> Any:
    """The JSON of a route that has an answer."""
    reply = ask(api, f"/metrics/{target}")
    assert reply.status == 200, reply.text
    return reply.json


@pytest.mark.parametrize("by", ["hour", "day", "week", "month"])
def test_the_series_are_those_of_the_time_series(api: Api, by: str) -> None:
    """Bucket by bucket, metric by metric."""
    wanted = answer(api, f"timeseries?{WINDOW}&by={by}&metrics={','.join(SERIES)}")["data"]
    assert answer(api, f"overview?{WINDOW}&by={by}")["data"]["series"] == wanted


def test_the_figures_are_those_of_the_whole_window(api: Api) -> None:
    """As the time series says them of one bucket, and the summary."""
    figures = answer(api, "overview?window=last_month&by=month")["data"]["figures"]
    assert figures["requests"] == 0
    day = "from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z"
    data = answer(api, f"overview?{day}")["data"]
    (bucket,) = answer(api, f"timeseries?{day}&by=day&metrics={','.join(METRICS)}")["data"]
    assert {name: data["figures"][name] for name in METRICS} == {
        name: bucket[name] for name in METRICS
    }
    summary = answer(api, f"summary?{day}")["data"]
    assert data["figures"]["requests"] == summary["total_records"] > 0
    assert round(100 * data["figures"]["byte_hit_ratio"], 2) == summary["byte_hit_rate"]
    assert data["figures"]["time_taken_max_ms"] == summary["latency_ms"]["time_taken"]["max"]
    crawlers = sum(entry["requests"] for entry in summary["crawlers"])
    assert data["figures"]["crawler_requests"] == crawlers > 0
    assert data["account"]["objects"] == summary["log_files_read"]


def test_every_request_is_in_one_class_of_result(api: Api) -> None:
    """Hits, misses, errors and others add up, in every bucket."""
    classes = ("hits", "misses", "result_errors", "result_others")
    for bucket in answer(api, f"overview?{WINDOW}")["data"]["series"]:
        assert sum(bucket[name] for name in classes) == bucket["requests"]
    types = answer(api, f"summary?{WINDOW}")["data"]["result_types"]
    figures = answer(api, f"overview?{WINDOW}")["data"]["figures"]
    assert figures["result_errors"] == types["Error"]
    assert figures["result_others"] == types["Redirect"]


def test_the_lists_are_those_of_the_rankings(api: Api) -> None:
    """Every dimension by requests, crawlers by bytes, or what is asked for."""
    lists = answer(api, f"overview?{WINDOW}&limit=5")["data"]["lists"]
    assert [ranking["dimension"] for ranking in lists] == [*DIMENSIONS]
    for ranking in lists:
        name = ranking["dimension"]
        metric = "bytes" if name == "crawler" else "requests"
        assert ranking["metric"] == metric
        target = f"top/{name}?{WINDOW}&limit=5&metric={metric}"
        assert ranking["entries"] == answer(api, target)["data"]
    asked = "path:mean_time_ms,country,path"
    lists = answer(api, f"overview?{WINDOW}&limit=3&lists={asked}&min_requests=9")["data"]["lists"]
    metrics = ["mean_time_ms", "requests", "requests"]
    assert [ranking["metric"] for ranking in lists] == metrics
    slowest = answer(api, f"top/path?{WINDOW}&limit=3&metric=mean_time_ms&min_requests=9")["data"]
    assert lists[0]["entries"] == slowest
    assert all(entry["requests"] >= 9 for entry in slowest)
    assert lists[0]["values"] == lists[2]["values"] > 3


def test_only_whole_hours_are_compared(api: Api) -> None:
    """The hour that is not over is left out on both sides; the change is between the rest."""
    data = answer(api, f"overview?{WINDOW}&compare=previous&limit=4")
    before = data["compare"]
    assert datetime.fromisoformat(before["through"]) == NOW.replace(minute=0)
    spans = {
        "then": (before["from"], before["to"]),
        "now": (data["meta"]["query"]["from"], before["through"]),
    }
    lengths = {
        name: hour_of(datetime.fromisoformat(end)) - hour_of(datetime.fromisoformat(start))
        for name, (start, end) in spans.items()
    }
    assert lengths == {"then": 7 * 24 - 1, "now": 7 * 24 - 1}
    figures = {
        name: answer(api, f"overview?from={_quoted(start)}&to={_quoted(end)}&{ZONE}")["data"]
        for name, (start, end) in spans.items()
    }
    assert before["figures"] == figures["then"]["figures"]
    for name, change in before["change"].items():
        value, was = (figures[each]["figures"][name] for each in ("now", "then"))
        assert change["absolute"] == round(value - was, 6)
    assert before["series"] == [bucket["requests"] for bucket in figures["then"]["series"]]
    known = {
        entry["value"]: entry["requests"]
        for entry in answer(
            api,
            f"top/path?from={_quoted(spans['then'][0])}&to={_quoted(spans['then'][1])}&limit=200",
        )["data"]
    }
    for entry, past in zip(data["data"]["lists"][0]["entries"], before["lists"][0], strict=True):
        assert past["requests"] == known[entry["value"]]


def test_nothing_is_compared_while_no_hour_is_over(api: Api) -> None:
    """There would be nothing to set beside the other window."""
    now = answer(api, "overview?from=2026-11-27T09:00:00Z&to=2026-11-27T10:00:00Z&compare=previous")
    assert now["data"]["figures"]["requests"] > 0
    assert now["compare"] is None


def test_the_year_before_has_the_same_dates(api: Api) -> None:
    """On the zone's clock, and 28 February for a leap day; the other routes know it too."""
    for route in ("summary?", "timeseries?by=day&", "top/path?"):
        day = "from=2028-02-29T00:00:00Z&to=2028-03-01T00:00:00Z&compare=year"
        before = answer(api, f"{route}{day}")["compare"]
        assert (before["from"], before["to"]) == (
            "2027-02-28T00:00:00Z",
            "2027-03-01T00:00:00Z",
        )
    week = "from=2026-10-20T22:00:00Z&to=2026-10-27T23:00:00Z&tz=Europe/Berlin"
    before = answer(api, f"summary?{week}&compare=year")["compare"]
    assert before["from"] == "2025-10-21T00:00:00+02:00"
    assert before["to"] == "2025-10-28T00:00:00+01:00"


def test_a_filter_leaves_one_value(api: Api) -> None:
    """Its figures are those of the ranking; what is not kept with it is null, and not listed."""
    countries = answer(api, f"top/country?{WINDOW}&limit=200")["data"]
    sums = dict.fromkeys(("requests", "bytes", "hits", "misses"), 0)
    for entry in countries:
        data = answer(api, f"overview?{WINDOW}&where=country:{entry['value']}")["data"]
        assert [ranking["dimension"] for ranking in data["lists"]] == ["country"]
        for name in DEFAULT_METRICS:
            assert data["figures"][name] == entry[name]
        assert {name for name, value in data["figures"].items() if value is not None} == set(
            DEFAULT_METRICS
        )
        for name in sums:
            sums[name] += sum(bucket[name] for bucket in data["series"])
    figures = answer(api, f"overview?{WINDOW}")["data"]["figures"]
    assert sums == {name: figures[name] for name in sums}


def test_five_minutes_add_up_and_tell_the_rate(api: Api) -> None:
    """To the hours' requests and bytes; 95 of 100 rates are at most the one that is told."""
    data = answer(api, "overview?window=24h")["data"]
    fine = data["five_minutes"]
    for name in ("requests", "bytes", "errors_5xx"):
        hours = [sum(fine[name][place : place + 12]) for place in range(0, len(fine[name]), 12)]
        assert hours == [bucket[name] for bucket in data["series"]]
    counted = fine["bytes"]
    while not counted[-1]:  # the hour is not over
        counted.pop()
    rates = sorted(sent * 8 // 300 for sent in counted)
    rate = data["figures"]["bits_per_second_p95"]
    assert sum(each <= rate for each in rates) >= 0.95 * len(rates)
    assert sum(each < rate for each in rates) < 0.95 * len(rates)
    assert answer(api, f"overview?{WINDOW}")["data"]["five_minutes"] is None


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("lists=colour", "lists"),
        ("lists=path:colour", "lists"),
        ("where=colour:red", "where"),
        ("where=country", "where"),
        ("min_requests=0", "min_requests"),
    ],
)
def test_what_cannot_be_listed_is_refused(api: Api, query: str, param: str) -> None:
    """With the parameter's name."""
    reply = ask(api, f"/metrics/overview?{query}")
    assert (reply.status, reply.json["param"]) == (400, param)


def _quoted(moment: str) -> str:
    return moment.replace("+", "%2B")


@pytest.mark.parametrize("where", ["", "&where=country:DE"])
def test_a_short_window_has_the_same_figures_by_the_hour_and_by_the_day(
    api: Api, where: str
) -> None:
    """It is read once by the hour, and the longer ones from rows of days."""
    window = "from=2026-11-26T00:00:00Z&to=2026-11-28T00:00:00Z&compare=previous"
    hours, days = (answer(api, f"overview?{window}{where}&by={by}") for by in ("hour", "day"))
    assert len(hours["data"]["series"]) == 48
    for each in (hours, days):
        series = each["compare"].pop("series")
        assert sum(series) == each["compare"]["figures"]["requests"] > 0
        del each["data"]["series"]
    assert hours["data"] == days["data"]
    assert hours["compare"] == days["compare"]


def test_the_values_of_a_list_are_those_that_can_be_listed(api: Api) -> None:
    """Requests of people are no value of crawlers."""
    (crawlers,) = answer(api, f"overview?{WINDOW}&lists=crawler&limit=50")["data"]["lists"]
    assert crawlers["values"] == len(crawlers["entries"]) > 3
