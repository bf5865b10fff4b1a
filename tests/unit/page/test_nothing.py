"""A page without a request says what there is."""

import re
from datetime import timedelta

import pytest

from pipeline.api.parameters import MOST_DAYS
from pipeline.page.door import Door
from tests.support.fortnight import NOW, fortnight, stored
from tests.support.hostile import line, log
from tests.support.html import Page
from tests.unit.page.test_door import door_of, page_of, request


def door_with(*lines: str) -> Door:
    """The page over a log with these lines."""
    return door_of(stored({"a.log": log("".join(lines)).encode()}))


def link_of(page: Page, text: str) -> str:
    """The query behind a link."""
    (link,) = (each for each in page.all("a") if page.text(each) == text)
    return str(link.get("href")).removeprefix("?")


@pytest.mark.parametrize(
    "query", ["", "window=yesterday&tz=Europe/Berlin", "window=7d&paths=bytes"]
)
def test_an_empty_window_leads_to_where_there_are_requests(query: str) -> None:
    """And the page behind the link has them all, with the rest of the address as it was."""
    door = door_with(line({"date": "2026-10-01"}), line({"date": "2026-10-03", "time": "23:30:00"}))
    page = page_of(door, query)
    assert "Nothing was counted in this window" in page.text()
    assert "The store has 2 requests, from Thu 1 Oct 2026" in page.text()
    link = link_of(page, "show them")
    assert ("paths=bytes" in link) == ("paths" in query)
    assert page_of(door, link).figures()["Requests"] == "2"


def test_all_is_all_that_there_is() -> None:
    """Up to as many days as a window may have, the last ones; the link says how many."""
    old = (NOW - timedelta(days=MOST_DAYS + 100)).strftime("%Y-%m-%d")
    door = door_with(
        line({"date": old}), line({"date": "2026-10-01"}), line({"date": "2026-10-02"})
    )
    link = link_of(page_of(door, ""), f"All, at most {MOST_DAYS} d")
    assert page_of(door, link).figures()["Requests"] == "2"
    assert page_of(door, "from=2025-10-24&to=2026-11-27").figures()["Requests"] == "2"
    text = page_of(door, "").text()
    assert "The store has 3 requests" in text
    assert f"show the last {MOST_DAYS} days of them" in text
    assert page_of(door_of(fortnight()), "window=all").figures()["Requests"] != "0"


def test_all_of_a_site_is_of_that_site() -> None:
    """A site that is not there is refused as in every window."""
    door = door_of(fortnight())
    assert request(door, "/?window=all&site=unknown-site").status == 404
    (site,) = (each["site"] for each in request(door, "/metrics/sites").json["data"])
    empty = page_of(door, f"from=2026-01-01&to=2026-01-02&site={site}")
    assert re.search(rf"{site} has [\d,]+ requests, from ", empty.text())


def test_a_page_with_requests_says_nothing_of_others() -> None:
    """It would be one more read of the store."""
    assert "The store has" not in page_of(door_of(fortnight()), "window=7d").text()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("country:de", "No request of this window has the country 'de'. Did you mean DE?"),
        ("country:%E2%80%AEx", "No request of this window has the country '\\u202ex'. There are"),
        ("country:<b>", "No request of this window has the country '<b>'. There are"),
    ],
)
def test_a_filter_that_leaves_nothing_says_so(where: str, message: str) -> None:
    """With the values that there are; the list to choose from stays."""
    page = page_of(door_of(fortnight()), f"window=7d&where={where}")
    assert message in page.text()
    assert page.list_of("country")
    assert list(page.dangers()) == []
