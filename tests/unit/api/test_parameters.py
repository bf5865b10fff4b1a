"""What can be asked, what is refused, and what is said of it."""

import json
from functools import reduce
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answer.ranking import Place, TopQuestion
from pipeline.api.accept import preferred
from pipeline.api.app import Api
from pipeline.api.problems import KIND, KINDS
from pipeline.api.routes import ROUTES
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.vector import Vector, add
from pipeline.hours import hour_of
from pipeline.objects import ObjectRef
from pipeline.store.memory import MemoryStore
from tests.support.aggregates import hour_with
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit

LONG = "9" * 5000
FORMATS = ("json", "csv", "ndjson", "openmetrics")


@pytest.fixture
def api(clock: FakeClock) -> Api:
    store = MemoryStore(clock=clock)
    for hours_ago in (0, 5, 30):
        count(store, clock, f"o{hours_ago}", hours_ago)
    return make_api(store, clock)


def window(api: Api, query: str) -> tuple[str, str]:
    """The window that was used for a query."""
    answer = ask(api, f"/metrics/summary?{query}")
    assert answer.status == 200, answer.text
    return answer.json["meta"]["query"]["from"], answer.json["meta"]["query"]["to"]


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("", "2026-11-22T13:00:00Z", "2026-11-23T13:00:00Z"),
        ("window=24h", "2026-11-22T13:00:00Z", "2026-11-23T13:00:00Z"),
        ("window=7d", "2026-11-16T13:00:00Z", "2026-11-23T13:00:00Z"),
        ("window=30d", "2026-10-24T13:00:00Z", "2026-11-23T13:00:00Z"),
        ("window=90d", "2026-08-25T13:00:00Z", "2026-11-23T13:00:00Z"),
        ("window=today", "2026-11-23T00:00:00Z", "2026-11-23T13:00:00Z"),
        ("window=yesterday", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("window=this_month", "2026-11-01T00:00:00Z", "2026-11-23T13:00:00Z"),
        ("window=last_month", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        # Havana is five hours behind; its clocks were put back on the first of November.
        (
            "window=today&tz=America/Havana",
            "2026-11-23T00:00:00-05:00",
            "2026-11-23T08:00:00-05:00",
        ),
        (
            "window=last_month&tz=America/Havana",
            "2026-10-01T00:00:00-04:00",
            "2026-11-01T00:00:00-04:00",
        ),
        # Any way to write a moment, and what lies inside an hour is widened.
        ("from=1795428000&to=1795435200", "2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z"),
        ("from=1795428001&to=1795435201", "2026-11-23T10:00:00Z", "2026-11-23T13:00:00Z"),
        ("from=2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z"),
        ("to=2026-11-23T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"),
        (
            "from=2026-11-23t10:59:59.999999z&to=2026-11-23T11:00:00.000001%2B00:00",
            "2026-11-23T10:00:00Z",
            "2026-11-23T12:00:00Z",
        ),
        (
            "from=2026-11-23T10:00:00+01:00&to=2026-11-23T10:00:00-01:00",  # + is a space there
            "2026-11-23T09:00:00Z",
            "2026-11-23T11:00:00Z",
        ),
        (
            "from=2016-12-31T23:59:60Z&to=2017-01-01T01:00:00Z",  # a leap second
            "2017-01-01T00:00:00Z",
            "2017-01-01T01:00:00Z",
        ),
        (
            "from=1970-01-01T00:00:00Z&to=1970-01-02T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1970-01-02T00:00:00Z",
        ),
        # A day is its first moment in the zone, where it is 23, 24 or 25 hours long.
        ("from=2026-11-22&to=2026-11-23", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("from=2026-11-23", "2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z"),
        ("from=2026-11-22&to=1795435200", "2026-11-22T00:00:00Z", "2026-11-23T12:00:00Z"),
        (
            "from=2026-10-25&to=2026-10-26&tz=Europe/London",
            "2026-10-25T00:00:00+01:00",
            "2026-10-26T00:00:00Z",
        ),
        (
            "from=2026-03-08&to=2026-03-09&tz=America/Havana",  # it begins at one o'clock
            "2026-03-08T01:00:00-04:00",
            "2026-03-09T00:00:00-04:00",
        ),
        ("from=2026-11-23T11:00:00Z&to=9998-01-01T00:00:00Z", "", ""),
        ("from=2025-10-20T00:30:00Z&to=2026-11-24T00:30:00Z", "2025-10-20", "2026-11-24"),
    ],
)
def test_a_window_can_be_named_in_many_ways(api: Api, query: str, start: str, end: str) -> None:
    """`meta.query` says which hours were used, on the zone's clock; 400 days are not too long."""
    if not start:
        assert ask(api, f"/metrics/summary?{query}").json["type"].endswith("window-too-long")
        return
    used = window(api, query)
    assert used[0].startswith(start)
    assert used[1].startswith(end)


@pytest.mark.parametrize(
    ("target", "kind", "param"),
    [
        ("summary?x=1", "unknown-parameter", "x"),
        ("summary?<script>=1", "unknown-parameter", None),
        ("summary?by=day", "unknown-parameter", "by"),
        ("health?format=json", "unknown-parameter", "format"),
        ("snapshot?window=7d", "unknown-parameter", "window"),
        ("summary?window=1y", "bad-value", "window"),
        ("summary?window=", "bad-value", "window"),
        ("summary?window=7d&window=7d", "repeated-parameter", "window"),
        ("summary?window=7d&from=0", "conflicting-parameters", "window"),
        ("summary?from=yesterday", "bad-value", "from"),
        ("summary?from=2026-11-31", "bad-value", "from"),
        ("summary?from=2026-11", "bad-value", "from"),
        ("summary?from=20261123T", "bad-value", "from"),
        ("summary?from=1969-12-31", "bad-value", "from"),
        ("summary?from=0000-00-00", "bad-value", "from"),
        ("summary?from=0001-01-01&tz=Asia/Tokyo", "bad-value", "from"),
        ("summary?to=9999-01-01", "bad-value", "to"),
        ("summary?from=1970-01-01&tz=Asia/Tokyo", "bad-value", "from"),
        ("summary?from=2026-11-23&to=2026-11-23", "reversed-window", "to"),
        ("summary?from=2026-11-23T10:00:00", "bad-value", "from"),
        ("summary?from=2026-02-30T10:00:00Z", "bad-value", "from"),
        ("summary?from=2026-11-23T24:00:00Z", "bad-value", "from"),
        ("summary?from=1969-12-31T23:59:59Z", "bad-value", "from"),
        ("summary?from=-1", "bad-value", "from"),
        ("summary?from=1.5", "bad-value", "from"),
        ("summary?from=%D9%A1", "bad-value", "from"),  # an Arabic digit
        (f"summary?from={LONG}", "bad-value", "from"),
        (f"summary?to={LONG}", "bad-value", "to"),
        ("summary?from=9999999999&to=1", "reversed-window", "to"),
        ("summary?from=5&to=5", "reversed-window", "to"),
        ("summary?from=2030-01-01T00:00:00Z", "reversed-window", "to"),
        ("summary?from=0&to=34560001", "window-too-long", "from"),
        ("summary?from=0", "window-too-long", "from"),
        ("summary?tz=Mars/Olympus", "bad-value", "tz"),
        ("summary?tz=../../etc/passwd", "bad-value", "tz"),
        ("summary?tz=/etc/passwd", "bad-value", "tz"),
        ("summary?tz=%00", "bad-value", "tz"),
        (
            "timeseries?by=day&tz=Africa/Monrovia&from=1971-05-05T00:00:00Z&to=1971-05-06T00:00:00Z",
            "off-the-clock",
            "tz",
        ),
        # Half an hour off the hour in winter only: a window of summer could be used.
        ("summary?site=", "bad-value", "site"),
        ("summary?site=a%00b", "bad-value", "site"),
        ("summary?compare=next", "bad-value", "compare"),
        ("summary?compare=previous&format=csv", "conflicting-parameters", "compare"),
        ("summary?format=xml", "bad-value", "format"),
        ("top/path?format=openmetrics", "bad-value", "format"),
        ("timeseries?by=fortnight", "bad-value", "by"),
        ("timeseries?metrics=requests,visits", "bad-value", "metrics"),
        ("timeseries?metrics=", "bad-value", "metrics"),
        (
            "timeseries?from=0&to=34560000&metrics=requests,bytes,hits,misses,errors_4xx,"
            "errors_5xx,hit_ratio,mean_time_ms,bytes_received,rejected_lines,unique_paths",
            "too-many-figures",
            "by",
        ),
        ("top/nothing", "bad-value", "dimension"),
        ("top/%2e%2e", "bad-value", "dimension"),
        ("top/path?metric=hits", "bad-value", "metric"),
        ("top/path?limit=0", "bad-value", "limit"),
        ("top/path?limit=201", "bad-value", "limit"),
        ("top/path?limit=1.0", "bad-value", "limit"),
        (f"top/path?limit={LONG}", "bad-value", "limit"),
        ("top/path?cursor=", "bad-cursor", "cursor"),
        ("top/path?cursor=!", "bad-cursor", "cursor"),
        ("top/path?cursor=AAAA", "bad-cursor", "cursor"),
        (f"top/path?cursor={'A' * 7000}", "bad-cursor", "cursor"),
    ],
)
def test_what_is_not_understood_is_refused(
    api: Api, target: str, kind: str, param: str | None
) -> None:
    """As a 400 that names the parameter and what is allowed, and does not repeat what was sent."""
    answer = ask(api, f"/metrics/{target}")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    problem = answer.json
    assert (problem["type"], problem.get("param")) == (KIND + kind, param)
    assert problem["title"] == KINDS[kind]
    for sent in ("script", "9999", "passwd", "Mars", "fortnight", "visits", "AAAA"):
        assert sent not in answer.text.replace("9999-01-01", "")
    if kind in ("unknown-parameter",) or param in ("window", "by", "metric", "dimension"):
        limits = kind in ("unknown-parameter", "bad-value")
        assert not limits or "allowed" in problem


def test_limits_are_told(api: Api) -> None:
    """As numbers that a program can use."""
    problem = ask(api, "/metrics/top/path?limit=500").json
    assert problem["limit"] == {"minimum": 1, "maximum": 200}
    problem = ask(api, "/metrics/summary?from=0").json
    assert problem["limit"] == {"maximum_days": 400}
    assert ask(api, "/metrics/top/path?metric=x").json["allowed"][0] == "requests"


@pytest.mark.parametrize("name", ["\u0085", "a\u00a0b", "\u2028", "\ufeff", "é", "%2F", "a;b"])
def test_what_fits_the_pattern_of_a_site_may_be_one(name: str, api: Api) -> None:
    """The pattern in the document means the same to every program, spaces beyond ASCII included."""
    assert ask(api, f"/metrics/summary?site={quote(name)}").status == 404


@pytest.mark.parametrize("name", ["a b", "a\tb", "\n", "\u007f", "", "x" * 257])
def test_what_does_not_fit_it_is_refused(name: str, api: Api) -> None:
    """It is no site's name."""
    answer = ask(api, f"/metrics/summary?site={quote(name)}")
    assert (answer.status, answer.json["param"]) == (400, "site")


def test_a_site_that_is_not_there_is_a_404(api: Api) -> None:
    """With those that are; several may be given in two ways, and their order says nothing."""
    problem = ask(api, "/metrics/summary?site=E0")
    assert (problem.status, problem.json["param"]) == (404, "site")
    assert problem.json["allowed"] == ["site"]
    assert ask(api, "/metrics/summary?site=site,E0").status == 404
    one = ask(api, "/metrics/summary?site=site")
    other = ask(api, "/metrics/summary?site=site&site=site,site")
    assert one.json["meta"]["query"]["site"] == ["site"]
    assert other.headers["etag"] == one.headers["etag"]


def test_a_cursor_is_of_one_ranking(api: Api) -> None:
    """With other parameters, changed by a letter, or made up, it is refused."""
    page = ask(api, "/metrics/top/path?window=7d&limit=1").json
    cursor = page["next_cursor"]
    follow = ask(api, f"/metrics/top/path?limit=1&cursor={cursor}").json
    assert follow["meta"]["query"]["from"] == page["meta"]["query"]["from"]
    assert follow["data"] != page["data"]
    for target in (
        f"/metrics/top/path?metric=bytes&cursor={cursor}",
        f"/metrics/top/method?cursor={cursor}",
        f"/metrics/top/path?site=site&cursor={cursor}",
        f"/metrics/top/path?tz=Europe/London&cursor={cursor}",
        f"/metrics/top/path?min_requests=2&cursor={cursor}",
        f"/metrics/top/path?compare=previous&cursor={cursor}",
        f"/metrics/top/path?compare=year&limit=2&cursor={cursor}",
        f"/metrics/top/path?cursor={cursor[:-1]}",
        f"/metrics/top/path?cursor={cursor}=",
        f"/metrics/top/path?cursor={cursor}A",
    ):
        assert ask(api, target).json["type"] == f"{KIND}bad-cursor", target


@pytest.mark.parametrize("compare", ["", "&compare=previous"])
def test_a_cursor_may_have_another_limit_and_another_format(api: Api, compare: str) -> None:
    """They are how much of the same ranking is sent, and how: no value is twice or missing."""
    whole = ask(api, f"/metrics/top/path?window=7d{compare}").json["data"]
    page = ask(api, f"/metrics/top/path?window=7d&limit=1{compare}").json
    follow = f"/metrics/top/path?limit=200&cursor={page['next_cursor']}{compare}"
    assert page["data"] + ask(api, follow).json["data"] == whole
    assert len(whole) > 2
    if not compare:
        lines = ask(api, f"{follow}&format=csv").text.splitlines()
        assert [line.split(",")[0] for line in lines[1:]] == [each["value"] for each in whole[1:]]


@pytest.mark.parametrize(("start", "end"), [(10**15, 10**15 + 1), (-5, 1), (5, 5), (0, 10**5)])
def test_a_cursor_of_an_impossible_window_is_refused(api: Api, start: int, end: int) -> None:
    """Though it is of the right ranking: it may be made up."""
    cursor = TopQuestion(start, end).cursor(Place(1, "/", ""))
    assert ask(api, f"/metrics/top/path?cursor={cursor}&compare=previous").status == 400


def test_a_window_of_hours_is_answered_in_any_zone(api: Api) -> None:
    """Its bounds are full UTC hours, whatever the zone's clock shows then."""
    for path in ("summary?", "timeseries?by=hour&", "summary?compare=previous&"):
        assert ask(api, f"/metrics/{path}tz=Asia/Kolkata&window=24h").status == 200


def test_a_cursor_in_a_zone_off_the_hour_is_of_hours(api: Api) -> None:
    """Those of UTC in which a day of the zone lies."""
    end = hour_of(FakeClock()()) + 1
    start = end - 18  # 00:00 of the zone is 18:30 of the day before
    cursor = TopQuestion(start, end, "Asia/Kolkata").cursor(Place(1, "/", ""))
    target = f"/metrics/top/path?tz=Asia/Kolkata&cursor={cursor}"
    assert ask(api, target).status == 200
    assert ask(api, f"{target}&window=yesterday").json["param"] == "cursor"
    begin, _ = (
        ask(api, "/metrics/summary?tz=Asia/Kolkata&window=today")
        .json["meta"]["query"]["from"]
        .split("+")
    )
    assert begin == "2026-11-22T23:30:00"


@pytest.mark.parametrize(
    ("first", "follow", "status"),
    [
        ("window=7d", "window=7d", 200),
        ("window=7d", "", 200),
        ("window=7d", "window=24h", 400),
        ("", "window=24h", 200),
        ("", "window=today", 400),
        ("window=today&tz=Europe/London", "window=today&tz=Europe/London", 200),
        ("window=this_month", "window=this_month", 200),
        ("window=this_month", "window=last_month", 400),
        ("window=yesterday", "window=yesterday", 200),
        ("window=last_month&tz=America/Havana", "window=last_month&tz=America/Havana", 200),
        ("from=1795392000&to=1795435200", "from=1795392000&to=1795435200", 200),
        ("from=1795392000&to=1795435200", "from=1795392059&to=1795435199", 200),  # the same hours
        ("from=1795392000&to=1795435200", "from=1795392000", 200),
        ("from=1795392000&to=1795435200", "from=1795395600", 400),
        ("from=1795392000&to=1795435200", "to=1795438800", 400),
        ("from=1795392000&to=1795435200", "window=24h", 400),
    ],
)
def test_a_cursor_and_another_window_contradict_each_other(
    first: str, follow: str, status: int
) -> None:
    """The window of the cursor may be given again, also when its name would mean other hours."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    for day in range(60):
        for name in "ab":
            count(store, clock, f"{name}{day}", hours_ago=24 * day + 5)
    api = make_api(store, clock)
    page = ask(api, f"/metrics/top/path?limit=1&{first}").json
    clock.pass_time(hours=1)
    target = f"/metrics/top/path?limit=1&{follow}&cursor={page['next_cursor']}"
    answer = ask(api, target)
    assert answer.status == status, answer.text
    if status == 400:
        assert answer.json["type"] == f"{KIND}conflicting-parameters"
        assert answer.json["param"] == "cursor"
    else:
        assert answer.json["meta"]["query"]["from"] == page["meta"]["query"]["from"]
        assert answer.json["data"] != page["data"]


def test_behind_a_custom_domain_the_greedy_path_is_what_counts(api: Api) -> None:
    """The path has the domain's base in front there."""
    event = {"httpMethod": "POST", "path": "/stats/metrics/summary", "resource": "/{proxy+}"}
    event |= {"pathParameters": {"proxy": "metrics/summary"}}  # type: ignore[dict-item]
    assert api(event, None)["statusCode"] == 405


@given(st.text(max_size=200))
def test_no_cursor_breaks_anything(text: str) -> None:
    """Any text is a page or a refusal."""
    clock = FakeClock()
    api = make_api(MemoryStore(clock=clock), clock)
    assert ask(api, f"/metrics/top/path?cursor={quote(text)}").status == 400


@given(
    st.dictionaries(
        st.sampled_from(["from", "to", "window", "tz", "site", "by", "metrics", "x", "limit"]),
        st.text(max_size=30) | st.integers().map(str) | st.datetimes().map(str),
        max_size=4,
    ),
    st.sampled_from(["summary", "timeseries", "top/path", "sites", "settings", "health"]),
)
def test_no_query_breaks_anything(query: dict[str, str], route: str) -> None:
    """Any parameters are an answer or a refusal, never an error of ours."""
    clock = FakeClock()
    api = make_api(MemoryStore(clock=clock), clock)
    event = {
        "httpMethod": "GET",
        "path": f"/metrics/{route}",
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
    }
    answer = api(event, None)
    assert answer["statusCode"] in (200, 400, 404)
    assert answer["statusCode"] == 200 or json.loads(answer["body"])["detail"]


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("text/csv", "csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "csv"),
        ("text/csv;q=0.4, application/json;q=0.5", "json"),
        ("application/json;q=0, text/csv", "csv"),
        ("text/csv;q=0.0, application/x-ndjson;q=0.1", "ndjson"),
        ("application/x-ndjson", "ndjson"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "openmetrics"),
        ("TEXT/CSV", "csv"),
        (",,;q=;;", "json"),
        ("json", "json"),
        ("text/csv;q=2", "csv"),
        ("text/*", "csv"),
        ("application/*", "json"),
        ("application/json;q=0, application/*", "ndjson"),
        ("application/json;q=0, */*", "csv"),
        ("*/*;q=0.1, text/csv;q=0.2", "csv"),
        ("application/ndjson", "ndjson"),
        ("application/json;charset=utf-8", "json"),
        ("image/png, */*;q=0.01", "json"),
        (",".join(f"x/{place}" for place in range(100)) + ",*/*", "json"),
    ],
)
def test_the_header_accept_chooses_the_format(accept: str, wanted: str) -> None:
    """By quality, then by place; JSON where nothing is asked for."""
    assert preferred(accept, FORMATS) == wanted


@pytest.mark.parametrize(
    "accept",
    ["image/png", "application/json;q=0", "text/csv;q=0.000", "text/html", "*/*;q=0", "image/*"],
)
@pytest.mark.parametrize("route", sorted(set(ROUTES) - {"/metrics/docs"}))
def test_a_client_that_takes_no_form_there_is_is_told_so(accept: str, route: str, api: Api) -> None:
    """406, with the media types that there are; never a form that was excluded."""
    answer = ask(api, route.replace("{dimension}", "path"), {"accept": accept})
    assert (answer.status, answer.headers["vary"]) == (406, "Accept")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["allowed"][0] == "application/json"
    assert len(answer.json["allowed"]) == len(ROUTES[route].formats)


def test_the_parameter_goes_before_the_header(api: Api) -> None:
    """And the answer says that it depends on the header."""
    answer = ask(api, "/metrics/timeseries?format=ndjson", {"accept": "text/csv"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "Accept" in answer.headers["vary"]
    answer = ask(api, "/metrics/summary?format=json", {"accept": "image/png"})
    assert answer.headers["content-type"] == "application/json"
    answer = ask(api, "/metrics/summary?compare=previous", {"accept": "text/csv, */*;q=0.1"})
    assert answer.headers["content-type"] == "application/json"
    answer = ask(api, "/metrics/summary?compare=previous", {"accept": "text/csv"})
    assert (answer.status, answer.json["allowed"]) == (406, ["application/json"])


def test_an_hour_that_runs_is_not_complete(api: Api) -> None:
    """Every bucket is there, of zeros where nothing was; those to come are not complete either."""
    answer = ask(api, "/metrics/timeseries?from=1795420800&to=1795442400&metrics=requests").json
    found = [(each["start"][11:13], each["complete"], each["requests"]) for each in answer["data"]]
    assert found == [
        ("08", True, 0),
        ("09", True, 0),
        ("10", True, 0),
        ("11", True, 0),
        ("12", False, 4),
        ("13", False, 0),
    ]


def test_figures_that_cannot_be_told_are_null(api: Api) -> None:
    """Ratios and percentiles of nothing, visitors where no log had addresses; counts are zero where
    nothing was."""
    names = "hit_ratio,mean_time_ms,time_taken_p95_ms,unique_visitors,unique_paths"
    first, *_, last = ask(api, f"/metrics/timeseries?metrics={names}").json["data"]
    del first["start"], first["end"], last["start"], last["end"]
    assert first == {
        "complete": True,
        "final": False,
        "hit_ratio": None,
        "mean_time_ms": None,
        "time_taken_p95_ms": None,
        "unique_visitors": 0,
        "unique_paths": 0,
    }
    assert (last["hit_ratio"], last["unique_visitors"]) == (0.75, None)


RATIOS = ("hit_ratio", "cacheable_hit_ratio", "byte_hit_ratio")
NOTHING = "from=2026-11-01&to=2026-11-02"


def test_a_ratio_of_no_request_is_unknown(api: Api) -> None:
    """In every form: null, an empty cell, no sample. The summary's own rate stays 0, as of old."""
    series = f"/metrics/timeseries?{NOTHING}&by=day&metrics={','.join(RATIOS)}"
    (bucket,) = ask(api, series).json["data"]
    assert [bucket[name] for name in RATIOS] == [None] * 3
    assert ask(api, f"{series}&format=csv").text.splitlines()[1].endswith(",,,")
    samples = ask(api, f"{series}&format=openmetrics").text.splitlines()
    assert [line for line in samples if not line.startswith("#")] == []
    figures = ask(api, f"/metrics/overview?{NOTHING}&by=day").json["data"]["figures"]
    assert [figures[name] for name in RATIOS] == [None] * 3
    after_nothing = "from=2026-11-23T07:00:00Z&to=2026-11-23T08:00:00Z&compare=previous"
    before = ask(api, f"/metrics/overview?{after_nothing}").json["compare"]
    assert (before["figures"]["requests"], before["figures"]["hit_ratio"]) == (0, None)
    assert "requests" in before["change"]
    assert not set(RATIOS) & set(before["change"])
    filtered = ask(api, "/metrics/overview?window=24h&where=country:XX").json["data"]["figures"]
    assert (filtered["requests"], filtered["hit_ratio"]) == (0, None)
    assert ask(api, f"/metrics/summary?{NOTHING}").json["data"]["cache_hit_rate"] == 0.0


def test_a_ratio_of_requests_that_are_not_its_own_is_unknown() -> None:
    """Requests that cannot be cached have no share of cacheable ones, and sent no bytes."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    posted = Vector(3, misses=3)
    hour = hour_with(posted, tables={"result_type": Table.of({"Miss": posted})})
    commit(store, Object(ObjectRef("b", "k"), {hour_of(clock()): hour}, "s"))
    target = f"/metrics/timeseries?by=month&metrics={','.join(RATIOS)}"
    (last,) = ask(make_api(store, clock), target).json["data"]
    assert [last[name] for name in RATIOS] == [0.0, None, None]


def test_a_mean_is_that_of_the_requests_with_a_time() -> None:
    """Values of which no request has one have no mean, and come last in a ranking by it."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    paths = {
        "/half": Vector(4, time_us=10_000, timed=2),
        "/none": Vector(9),
        "/zero": Vector(1, timed=1),
    }
    totals = reduce(add, paths.values())
    hour = hour_with(totals, tables={"path": Table.of(paths)})
    commit(store, Object(ObjectRef("b", "k"), {hour_of(clock()): hour}, "s"))
    api = make_api(store, clock)
    ranking = ask(api, "/metrics/top/path?metric=mean_time_ms").json["data"]
    assert [(entry["value"], entry["mean_time_ms"]) for entry in ranking] == [
        ("/half", 5.0),
        ("/zero", 0.0),
        ("/none", None),
    ]
    series = ask(api, "/metrics/timeseries?metrics=mean_time_ms").json["data"]
    assert (series[0]["mean_time_ms"], series[-1]["mean_time_ms"]) == (None, 3.333)
    exposed = ask(api, "/metrics/summary?format=openmetrics").text
    assert 'edgetally_paths_mean_time_ms{value="/half"} 5.0' in exposed
    assert 'edgetally_paths_mean_time_ms{value="/none"}' not in exposed
    rows = ask(api, "/metrics/top/path?format=csv").text.splitlines()
    assert rows[1].startswith("/none,9,")
    assert rows[1].endswith(",,0.0")


def test_what_falls_out_of_a_table_closes_the_ranking() -> None:
    """As `(other)`, so that the pages add up; and `meta` says by how much a value may be short."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    table = Table.of({"/a": Vector(7), "/b": Vector(5)}, Vector(3), 2, {"/a": 5, "/b": 3})
    hour = hour_with(Vector(15), tables={"path": table})
    commit(store, Object(ObjectRef("b", "k"), {hour_of(clock()): hour}, "s"))
    api = make_api(store, clock)
    answer: Any = ask(api, "/metrics/top/path").json
    assert [(each["value"], each["requests"]) for each in answer["data"]] == [
        ("/a", 7),
        ("/b", 5),
        ("(other)", 3),
    ]
    assert answer["meta"]["approximate"] == {"path": 2}
