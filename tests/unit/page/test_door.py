"""The page at `/`: its links lead somewhere, and its figures are those of the API."""

import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest

from benchmarks.page import busy_hour
from pipeline.api.app import Api
from pipeline.api.credentials import Credentials
from pipeline.hours import hour_of
from pipeline.page import words
from pipeline.page.door import Door
from pipeline.page.login import Login
from pipeline.page.session import new_cookie
from pipeline.schema.dimensions import DIMENSIONS
from pipeline.store.counted import RowKey
from pipeline.store.ledger import StoredRow
from pipeline.store.memory import MemoryStore
from tests.support.api import Reply, ask
from tests.support.fortnight import NOW, fortnight, serving, stored
from tests.support.hostile import HOSTILE_FIELDS, hostile_log
from tests.support.html import Page

WEEK = "window=7d&tz=Europe/Berlin"
NO_HEADERS: Mapping[str, str] = {}


def door_of(store: MemoryStore) -> Door:
    """The page and the API over a store."""
    service = serving(store)
    return Door(service, Api(service))


@pytest.fixture(scope="module")
def door() -> Door:
    """The page and the API over two weeks of traffic."""
    return door_of(fortnight())


def request(
    door: Door, target: str, method: str = "GET", headers: Mapping[str, str] = NO_HEADERS
) -> Reply:
    """The answer to a request."""
    path, _, query = target.partition("?")
    event: Mapping[str, Any] = {
        "httpMethod": method,
        "path": path,
        "headers": headers,
        "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
    }
    answer = door(event, None)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return Reply(answer["statusCode"], headers, answer["body"])


def page_of(door: Door, query: str) -> Page:
    """The page of a query, which there is."""
    reply = request(door, f"/?{query}")
    assert reply.status == 200, reply.text
    return Page.of(reply.text)


def test_it_is_small_and_runs_and_loads_nothing(door: Door) -> None:
    """Under the policy of its header, which allows its one style alone."""
    reply = request(door, f"/?{WEEK}")
    assert list(Page.of(reply.text).dangers()) == []
    assert reply.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["refresh"] == "300"
    assert "refresh" not in request(door, f"/?{WEEK}&refresh=0").headers
    assert len(reply.text.encode()) <= 150_000
    assert len(zlib.compress(reply.text.encode(), 9)) <= 25_000


def test_it_is_small_though_every_list_is_full() -> None:
    """Ten rows in each: 150 KB at most, and 25 KB as a gateway sends it."""
    store = MemoryStore(clock=lambda: NOW)
    last = hour_of(NOW)
    store.restore(
        (),
        [
            StoredRow(RowKey("E2EXAMPLE1DEMO", "hour", hour), busy_hour(hour))
            for hour in range(last - 47, last + 1)
        ],
    )
    service = serving(store)
    door = Door(service, Api(service), Login(lambda: Credentials("s"), lambda: NOW, lambda: None))
    cookie = new_cookie("s", NOW).partition(";")[0]
    reply = request(door, "/?window=24h", headers={"Cookie": cookie})
    page = Page.of(reply.text)
    assert [len(page.list_of(name)) for name in DIMENSIONS] == [10] * len(DIMENSIONS)
    assert len(reply.text.encode()) <= 150_000
    assert len(zlib.compress(reply.text.encode(), 9)) <= 25_000


@pytest.mark.parametrize("window", ["24h", "7d", "30d"])
def test_its_figures_are_those_of_the_api(door: Door, window: str) -> None:
    """At the top, and every value of every list with its requests and its change."""
    page = page_of(door, f"window={window}")
    target = f"/metrics/overview?window={window}&limit=10&compare=previous"
    answer = request(door, target).json
    data, before = answer["data"], answer["compare"]
    shown = page.figures()
    assert shown["Requests"] == f"{data['figures']['requests']:,}"
    assert shown["Visitors"].startswith(f"{data['figures']['unique_visitors']:,}")
    ratio = 100 * data["figures"]["cacheable_hit_ratio"]
    assert shown["Hit ratio of cacheable"] == f"{ratio:.1f}%"
    assert len(data["lists"]) == len(DIMENSIONS)
    for ranking, pasts in zip(data["lists"], before["lists"], strict=True):
        column = 2 if ranking["dimension"] == "crawler" else 1
        rows = page.list_of(ranking["dimension"])
        assert [row[column] for row in rows] == [
            f"{entry['requests']:,}" for entry in ranking["entries"]
        ]
        for row, past in zip(rows, pasts, strict=True):
            now = past["requests"] + past["change"]["absolute"]
            assert row[column + 2] == words.growth(now, past["requests"], 0)


def kind_of(link: str) -> str:
    """A link without the value that it filters by."""
    return re.sub(r"(where=[a-z_]+)%3A[^&]*", r"\1", link)


@pytest.mark.slow
def test_every_link_leads_somewhere(door: Door) -> None:
    """Each to a page, or to an answer of the API: one of every kind is followed."""
    links = page_of(door, f"{WEEK}&where=country:DE").attributes("href")
    links += page_of(door, WEEK).attributes("href")
    assert len(set(links)) > 150
    kinds = {kind_of(link): link for link in links if link not in ("#main", "#requests-b", "./")}
    assert len(kinds) > 40
    for link in kinds.values():
        target = f"/{link}" if link.startswith("metrics/") else f"/{link.partition('#')[0]}"
        reply = request(door, target)
        assert reply.status == 200, (link, reply.text[:300])


@pytest.mark.slow
def test_every_value_leads_to_its_own_requests() -> None:
    """Hostile ones too, in every dimension: the figures behind a link are those of its row, and the
    page is valid and does nothing."""
    door = door_of(stored({"hostile.log": hostile_log(*HOSTILE_FIELDS).encode()}))
    page = page_of(door, "window=7d&compare=none")
    followed = 0
    for dimension in DIMENSIONS:
        sections = [
            each for each in page.all("section") if each.get("aria-labelledby") == f"l-{dimension}"
        ]
        for row in (row for section in sections for row in section.iter("tr")):
            for link in row.iter("a"):
                filtered = page_of(door, str(link.get("href")).removeprefix("?"))
                assert list(filtered.dangers()) == []
                place = 2 if dimension == "crawler" else 1
                assert filtered.figures()["Requests"] == page.text(row[place]), link.get("href")
                followed += 1
    assert followed > 25


def test_a_filter_says_what_it_cannot_be_kept_with(door: Door) -> None:
    """The list of its dimension stays, to choose another; every other list says why it is not
    there, and no figure is shown unfiltered."""
    page = page_of(door, f"{WEEK}&where=country:DE")
    countries = page.list_of("country")
    assert page.figures()["Requests"] == {row[0]: row[1] for row in countries}["Germany"]
    assert page.figures()["Visitors"] == "–"
    text = page.text()
    assert "Browsers are not kept together with country." in text
    assert "Remove the filter Country: Germany" in text
    refused = [each for each in page.all("div") if each.get("class") == "no"]
    assert len(refused) == len(DIMENSIONS) - 1


def test_a_list_is_shown_at_length(door: Door) -> None:
    """With its values by the metric that was chosen."""
    rows = page_of(door, f"{WEEK}&alone=path&paths=misses").list_of("path")
    answer = request(door, f"/metrics/top/path?{WEEK}&metric=misses&limit=200").json
    assert len(rows) == len(answer["data"]) > 100


def test_a_form_keeps_a_named_window_until_its_dates_are_changed(door: Door) -> None:
    """Its dates are sent with it; the last day is inside of the window."""
    form = "window=7d&was=2026-11-20.2026-11-27&from=2026-11-20&to=2026-11-27"
    assert page_of(door, form).figures() == page_of(door, "window=7d").figures()
    changed = form.replace("&to=2026-11-27", "&to=2026-11-21")
    days = "from=2026-11-20T00:00:00Z&to=2026-11-22T00:00:00Z"
    requests = request(door, f"/metrics/overview?{days}").json["data"]["figures"]["requests"]
    assert page_of(door, changed).figures()["Requests"] == f"{requests:,}"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("", 200),
        ("*/*", 200),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 200),
        ("text/*", 200),
        ("application/json", 406),
        ("text/csv", 406),
        ("image/png", 406),
        ("text/html;q=0, */*", 406),
    ],
)
def test_a_page_is_a_page(door: Door, accept: str, status: int) -> None:
    """A client that takes no HTML is told what there is, in the form of the API's problems."""
    for target in ("/", "/?window=all"):
        reply = request(door, target, headers={"Accept": accept})
        assert reply.headers["vary"] == "Accept"
        if status == 406:
            assert reply.status == 406
            assert reply.json["allowed"] == ["text/html"]
        else:
            assert reply.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("window=ever", "window: it must be one of those allowed (24h, 7d, 30d, 90d, today, "),
        ("compare=never", "compare: it must be one of those allowed (previous, year, none)"),
        ("paths=size", "paths: it must be one of those allowed (requests, bytes, misses, "),
        ("alone=colour", "alone: it must be one of those allowed (path, "),
        ("where=colour:red", "where: it must be a dimension, a colon and a value (path, "),
        ("from=2026-11-24T00:00:00Z", "from: it must be a day, such as 2026-11-23; the routes of"),
        ("to=1795392000", "to: it must be a day, such as 2026-11-23; the routes of the API take"),
        ("from=1969-12-31", "from: it must be a day of the years 1970 to 9997"),
        ("from=1970-01-01&tz=Asia/Tokyo", "from: a time is a day of the zone tz"),
        ("tz=Mars/Base", "tz: it must be the name of an IANA time zone"),
    ],
)
def test_a_page_that_cannot_be_made_names_the_parameter(door: Door, query: str, words: str) -> None:
    """By its name in the page's own address, and the values that are allowed."""
    assert words in Page.of(request(door, f"/?{query}").text).text()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("window=9d", 400),
        ("tz=Mars/Base", 400),
        ("from=yesterday", 400),
        ("from=2026-11-24&to=2026-11-20", 400),
        ("where=colour:red", 400),
        ("compare=never", 400),
        ("site=<script>", 404),
        ("site=unknown-site", 404),
    ],
)
def test_a_page_that_cannot_be_made_says_why(door: Door, query: str, status: int) -> None:
    """As a page, under the same policy."""
    reply = request(door, f"/?{query}")
    assert reply.status == status
    assert "style-src 'sha256-" in reply.headers["content-security-policy"]
    assert list(Page.of(reply.text).dangers()) == []


def test_a_window_of_no_request_has_no_ratio(door: Door) -> None:
    """Its figure is a dash and its chart says so, with a filter and without."""
    for query in ("from=2026-01-01&to=2026-01-02", "where=country:XX"):
        text = request(door, f"/?{query}").text
        figures = Page.of(text).figures()
        ratio = next(name for name in figures if name.startswith("Hit ratio"))
        assert (figures["Requests"], figures[ratio]) == ("0", "–")
        assert "– in all. The axis begins at" in text


def test_it_is_a_get(door: Door) -> None:
    """HEAD has no body, and nothing else is allowed."""
    assert request(door, "/", "HEAD").text == ""
    reply = request(door, "/", "POST")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_an_empty_store_says_what_to_do() -> None:
    """It is a page like others."""
    reply = request(door_of(MemoryStore()), "/")
    page = Page.of(reply.text)
    assert "edgetally attach" in page.text()
    assert list(page.dangers()) == []


def test_all_other_paths_are_the_apis(door: Door) -> None:
    """Byte for byte."""
    api = Api(serving(fortnight()))
    for target in ("/metrics/sites", "/metrics/nothing", "/favicon.ico"):
        assert request(door, target) == ask(api, target)
