"""Figures of fields that the logs do not have: null, not 0, in every form of every answer."""

import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pipeline.answer.overview import SERIES
from pipeline.answer.summarizing import window_summary
from pipeline.api.app import Api
from pipeline.cli.show_summary import show
from pipeline.hours import ALWAYS
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.objects import ObjectRef
from pipeline.page.report import FORMS, Report
from pipeline.store.memory import MemoryStore
from tests.support.api import ask, make_api
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit
from tests.support.reports import source_of

SIX = "date time cs-method cs-uri-stem sc-status x-host-header"
MORE = f"{SIX} sc-bytes x-edge-result-type time-taken cs(User-Agent)"
SIX_LINES = ("11:00:00 GET /x 200 a.example", "11:00:01 GET /y 500 a.example")
MORE_LINES = (
    "10:00:00 GET /x 200 a.example 100 Hit 0.100 curl/8",
    "10:00:01 GET /x 200 a.example 300 Miss 0.300 curl/8",
)
HAS = "date time sc-status c-country"
HAS_NOT = "date time sc-status cs-uri-stem"
WINDOW = "from=2026-11-23T10:00:00Z&to=2026-11-23T12:00:00Z"
OF_BYTES = {"bytes", "bytes_received", "byte_hit_ratio", "bits_per_second_p95"}
OF_RESULTS = {
    *("hits", "misses", "hit_ratio", "cacheable_hit_ratio"),
    *("result_errors", "result_others"),
}
ALONE = {"requests", "errors_4xx", "errors_5xx", "rejected_lines", "unique_paths"}


def counted(store: MemoryStore, fields: str, *lines: str) -> None:
    """Commit an object with a header of these fields."""
    rows = "".join("\t".join(f"2026-11-23 {line}".split()) + "\n" for line in lines)
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    found = parse([f"#Fields: {fields}\n{rows}".encode()], at, Reading())
    commit(store, Object(ObjectRef("b", fields), found.hours))


@pytest.fixture
def store(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def six(store: MemoryStore, clock: FakeClock) -> Api:
    """An API over logs of six fields."""
    counted(store, SIX, *SIX_LINES)
    return make_api(store, clock)


@pytest.fixture
def mixed(store: MemoryStore, clock: FakeClock) -> Api:
    """An API over an hour with more fields and one with six."""
    counted(store, MORE, *MORE_LINES)
    counted(store, SIX, *SIX_LINES)
    return make_api(store, clock)


def test_a_summary_has_null_for_what_no_log_says(six: Api) -> None:
    """And figures for the rest."""
    found = ask(six, f"/metrics/summary?{WINDOW}").json["data"]
    of_a_field = {name for name, figure in found.items() if figure is None}
    assert of_a_field == {
        *("edge_locations", "cache_hit_rate", "cache_hit_rate_cacheable", "byte_hit_rate"),
        *("bytes_sent", "bytes_received", "result_types", "top_missed_paths", "unique_visitors"),
        *("audience", "crawler_groups", "crawlers", "browsers", "operating_systems", "devices"),
        *("countries", "referrers", "protocols", "http_versions", "tls_versions"),
        *("content_types", "cache_behaviors", "response_result_types", "detailed_result_types"),
    }
    assert found["status_codes"] == {"200": 1, "500": 1}
    assert [entry["bytes"] for entry in found["paths"]] == [None, None]
    assert [entry["errors_5xx"] for entry in found["paths"]] == [0, 1]
    assert found["lacking"]["x_edge_result_type"] == 2


def test_without_a_status_there_are_no_errors_to_tell(store: MemoryStore, clock: FakeClock) -> None:
    """Neither 0 of them nor `unknown`."""
    counted(store, "date time cs-uri-stem", "10:00:00 /x")
    found = ask(make_api(store, clock), f"/metrics/summary?{WINDOW}").json["data"]
    for name in ("status_codes", "status_breakdown", "top_error_paths", "methods", "hosts"):
        assert found[name] is None, name
    assert found["paths"][0]["errors_4xx"] is found["paths"][0]["errors_5xx"] is None


def test_without_a_path_there_is_no_list_of_paths(store: MemoryStore, clock: FakeClock) -> None:
    """Nor a number of different ones."""
    counted(store, "date time sc-status x-edge-result-type", "10:00:00 200 Miss")
    found = ask(make_api(store, clock), f"/metrics/summary?{WINDOW}").json["data"]
    for name in ("paths", "top_paths", "top_missed_paths", "top_error_paths", "unique_paths"):
        assert found[name] is None, name


def test_a_series_has_null_by_bucket(mixed: Api) -> None:
    """An hour whose logs have the field has the figure, the other null."""
    query = f"{WINDOW}&metrics={','.join(SERIES)}"
    answer = ask(mixed, f"/metrics/timeseries?{query}").json
    first, second = answer["data"]
    assert (first["bytes"], first["hit_ratio"], first["mean_time_ms"]) == (400, 0.5, 200.0)
    assert first["crawler_requests"] == 2
    told = {name for name in SERIES if second[name] is not None}
    assert told == ALONE - {"unique_paths"}
    assert answer["meta"]["lacking"]["sc_bytes"] == 2
    samples = ask(mixed, f"/metrics/timeseries?{query}&format=openmetrics").text.splitlines()
    assert len([line for line in samples if line.startswith("edgetally_bytes ")]) == 1
    cells = ask(mixed, f"/metrics/timeseries?{WINDOW}&metrics=bytes&format=csv").text.split()
    assert [line.split(",")[-1] for line in cells] == ["bytes", "400", ""]


def test_a_ratio_of_a_mixed_window_is_of_the_requests_that_can_be_told(mixed: Api) -> None:
    """And the answer says how many cannot; a value's ratio is null, as its requests are mixed."""
    found = ask(mixed, f"/metrics/summary?{WINDOW}").json["data"]
    assert (found["total_records"], found["bytes_sent"]) == (4, 400)
    assert (found["cache_hit_rate"], found["cache_hit_rate_cacheable"]) == (50.0, 50.0)
    assert found["byte_hit_rate"] == 25.0
    assert found["lacking"]["x_edge_result_type"] == 2
    top = ask(mixed, f"/metrics/top/path?{WINDOW}").json
    assert [entry["hit_ratio"] for entry in top["data"]] == [None, None]
    assert [entry["hits"] for entry in top["data"]] == [1, 0]
    alone = ask(mixed, "/metrics/top/path?from=2026-11-23T10:00:00Z&to=2026-11-23T11:00:00Z").json
    assert [entry["hit_ratio"] for entry in alone["data"]] == [0.5]
    assert "x_edge_result_type" not in alone["meta"]["lacking"]


@pytest.mark.parametrize("dimension", ["country", "crawler", "result_type", "edge_location"])
def test_the_top_of_a_dimension_that_the_logs_lack_says_so(six: Api, dimension: str) -> None:
    """In every form, and not by a value `unknown`."""
    address = f"/metrics/top/{dimension}?{WINDOW}"
    assert ask(six, address).json["data"] is None
    assert ask(six, f"{address}&format=csv").text.strip() == "not in these logs"
    assert ask(six, f"{address}&format=ndjson").text == ""
    compared = ask(six, f"{address}&compare=previous").json["compare"]
    assert compared["data"] == []


def test_an_overview_has_null_and_no_values(six: Api) -> None:
    """Its figures, its series, its sums of five minutes and its lists."""
    found = ask(six, f"/metrics/overview?{WINDOW}&compare=previous").json["data"]
    figures = found["figures"]
    assert {name for name in figures if figures[name] is not None} == ALONE
    assert set(figures) >= OF_BYTES | OF_RESULTS
    assert found["five_minutes"]["bytes"] is None
    assert sum(found["five_minutes"]["errors_5xx"]) == 1
    values = {each["dimension"]: each["values"] for each in found["lists"]}
    assert {name for name, count in values.items() if count} == {
        *("path", "status", "host", "method"),
    }


def test_a_filter_tells_no_more_than_the_logs(six: Api) -> None:
    """Its bytes and hits are null too."""
    address = f"/metrics/overview?{WINDOW}&where=path:/y"
    figures = ask(six, address).json["data"]["figures"]
    assert (figures["requests"], figures["errors_5xx"]) == (1, 1)
    assert figures["bytes"] is figures["hits"] is figures["hit_ratio"] is None


def test_openmetrics_has_no_sample_of_it(six: Api) -> None:
    """A sample of 0 would be a false figure in every dashboard."""
    lines = ask(six, f"/metrics/summary?{WINDOW}&format=openmetrics").text.splitlines()
    names = {line.partition("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert "edgetally_paths_requests" in names
    assert not names & {
        *("edgetally_bytes_sent", "edgetally_cache_hit_rate", "edgetally_paths_bytes"),
        *("edgetally_paths_hits", "edgetally_result_types", "edgetally_byte_hit_rate"),
    }


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_report_is_made_of_logs_with_few_fields(
    six: Api, store: MemoryStore, clock: FakeClock, form: str
) -> None:
    """Its figures are dashes, and its account names the lists that are not there."""
    text = FORMS[form](source_of(store, clock(), Report(ALWAYS)))
    if form in ("html", "md"):
        assert "Result types" in text
        assert "the logs do not have the field" in text
        assert "0 hit" not in text
    if form == "md":
        assert "| Bytes sent | – |" in text
        assert "| Hit ratio of cacheable | – |" in text


def test_a_report_of_a_mixed_window_says_what_its_figures_leave_out(
    mixed: Api, store: MemoryStore, clock: FakeClock
) -> None:
    """By field, with the requests."""
    text = FORMS["md"](source_of(store, clock(), Report(ALWAYS)))
    assert "Not in all logs" in text
    assert "x\\_edge\\_result\\_type \\(2 requests\\)" in text


@pytest.fixture
def countries(store: MemoryStore, clock: FakeClock) -> Api:
    """An API over five requests: three whose log has the country, one of them without a value."""
    counted(store, HAS, "10:00:00 200 DE", "10:00:01 200 DE", "10:00:02 404 -")
    counted(store, HAS_NOT, "10:00:03 200 /a", "11:00:04 500 /b")
    return make_api(store, clock)


def test_unknown_are_the_requests_whose_log_has_the_field(countries: Api) -> None:
    """Of them only the number is known, where other logs of the window lack the field."""
    top = ask(countries, f"/metrics/top/country?{WINDOW}").json
    assert [(each["value"], each["requests"]) for each in top["data"]] == [
        ("DE", 2),
        ("unknown", 1),
    ]
    known, unknown = top["data"]
    assert (known["errors_4xx"], unknown["errors_4xx"], unknown["mean_time_ms"]) == (0, None, None)
    assert top["meta"]["lacking"]["c_country"] == 2
    found = ask(countries, f"/metrics/summary?{WINDOW}").json["data"]
    assert [(each["value"], each["requests"]) for each in found["countries"]] == [
        ("DE", 2),
        ("unknown", 1),
    ]
    assert [(each["value"], each["requests"]) for each in found["paths"]] == [("/a", 1), ("/b", 1)]
    assert found["status_codes"] == {"200": 3, "404": 1, "500": 1}


def test_a_filter_by_unknown_leaves_the_same_requests(countries: Api) -> None:
    """And its other figures are null; without a mixed window they are told."""
    filtered = ask(countries, f"/metrics/overview?{WINDOW}&where=country:unknown").json["data"]
    assert filtered["figures"]["requests"] == 1
    assert filtered["figures"]["errors_4xx"] is None
    filtered = ask(countries, f"/metrics/overview?{WINDOW}&where=path:unknown").json["data"]
    assert filtered["figures"]["requests"] == 0


def test_a_window_of_one_format_tells_all_of_unknown(store: MemoryStore, clock: FakeClock) -> None:
    """As before."""
    counted(store, HAS, "10:00:00 200 DE", "10:00:02 404 -")
    top = ask(make_api(store, clock), f"/metrics/top/country?{WINDOW}").json["data"]
    assert [(each["value"], each["requests"], each["errors_4xx"]) for each in top] == [
        ("unknown", 1, 1),
        ("DE", 1, 0),
    ]


def test_shares_of_a_list_are_of_the_requests_whose_logs_have_it(
    countries: Api, store: MemoryStore, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the page, in a report and in the table of a summary."""
    text = FORMS["md"](source_of(store, clock(), Report(ALWAYS)))
    assert "| Germany | 2 | 66.7" in text
    assert "| unknown | 1 | 33.3" in text
    html = FORMS["html"](source_of(store, clock(), Report(ALWAYS)))
    assert "without 2 requests whose logs do not have it" in html
    summary = window_summary(store, ALWAYS)
    show(summary, Console(width=200), None)
    shown = capsys.readouterr().out
    assert re.search(r"DE +2 +66\.7 %", shown)
    assert re.search(r"unknown +1 +33\.3 %", shown)
