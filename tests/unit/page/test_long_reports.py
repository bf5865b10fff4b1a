"""Reports of several years, and of little traffic, as people read them."""

import re

import pytest

from pipeline.hours import ALWAYS
from pipeline.page import paths
from pipeline.page.report import FORMS, Report
from tests.support.fortnight import NOW, fortnight, stored
from tests.support.hostile import line, log
from tests.support.html import Page
from tests.support.reports import source_of
from tests.unit.page.test_charts import chart_of
from tests.unit.page.test_door import door_of, page_of

FIRST = {"date": "2023-05-23", "x-edge-result-type": "Error", "sc-status": "404"}


def report(*lines: str, tz: str = "UTC") -> Page:
    """The report of a log with these lines."""
    store = stored({"a.log": log("".join(lines)).encode()})
    return Page.of(FORMS["html"](source_of(store, NOW, Report(ALWAYS, tz))))


@pytest.fixture(scope="module")
def years() -> Page:
    """The report of two requests that are three years and a half apart."""
    return report(line(FIRST), line({"date": "2026-11-24"}), tz="Europe/Berlin")


def test_every_day_of_several_years_has_its_year(years: Page) -> None:
    """In the tables, in the labels of charts, and on the axis where a year begins."""
    tables = [each for each in years.all("table") if each.get("class") != "lt"]
    rows = [years.text(row[0]) for row in tables[0].iter("tr")][1:]
    assert rows[0].startswith("23 May – 31 May 2023")
    assert all(re.search(r" 20\d\d\*?$", row) for row in rows)
    texts = chart_of(years, "requests").split("|")
    axis = [text for text in texts if re.match(r"(May|Jan|Oct|Mar|Aug) ?", text)]
    assert axis[0] == "May 2023"
    assert [text for text in axis if text.endswith("2024")]
    assert "1 · May 2023" in texts
    assert 4 <= len(axis) <= 6  # more would stand on each other in a chart of half the width


def test_a_week_over_new_year_has_both_years() -> None:
    """And a window inside one year has none in its tables."""
    page = report(line({"date": "2024-12-01"}), line({"date": "2025-12-20"}))
    rows = [page.text(each) for each in page.all("th") if each.get("scope") == "row"]
    assert any(row.startswith("30 Dec 2024 – 5 Jan 2025") for row in rows)
    week = page_of(door_of(fortnight()), "window=7d")
    rows = [week.text(each) for each in week.all("th") if each.get("scope") == "row"]
    assert not [row for row in rows if re.search(r" \d+ (Nov|Dec) 20\d\d$", row)]


def test_moments_have_a_year_and_a_zone(years: Page) -> None:
    """That of the latest request, and that of the report."""
    text = years.text()
    assert "Counted up to Tue 24 Nov 2026 11:00:00 Europe/Berlin" in text
    assert "made Fri 27 Nov 2026 10:12 Europe/Berlin" in text


def test_a_month_alone_is_drawn(years: Page) -> None:
    """As a dash in the charts of lines, which would be empty else."""
    for name in ("time", "hits"):
        (figure,) = (
            each for each in years.all("figure") if each.get("aria-labelledby") == f"{name}-h"
        )
        drawn = [each.get("d") for each in figure.iter() if str(each.tag).endswith("path")]
        assert [each for each in drawn if each and "h1" in each], name


@pytest.mark.parametrize(
    ("ys", "path"),
    [
        ([None, 5.0, None], "M1 5h1"),
        ([5.0], "M0 5h1"),
        ([5.0, 6.0, None, 7.0], "M0.5 5l1 1M3 7h1"),
        ([None, None], ""),
    ],
)
def test_a_point_alone_is_a_dash(ys: list[float | None], path: str) -> None:
    """As wide as its unit."""
    assert paths.line(ys) == path


def test_no_rate_is_told_where_there_is_none(years: Page) -> None:
    """Nearly all five minutes had no traffic, or there are too few to have a percentile."""
    text = years.text()
    assert "95th percentile" not in text
    assert "95 of 100 five minutes had no traffic" in text
    short = report(line({}), line({"time": "10:30:00"})).text()
    assert "95th percentile" not in short
    assert "no traffic" not in short


def test_an_error_has_one_meaning_in_the_chart_of_requests() -> None:
    """The result type: with a filter, which does not keep it, the class is unknown, and the chart
    of errors has them by status."""
    door = door_of(fortnight())
    plain = page_of(door, "window=7d").text()
    assert re.search(r"error [\d,]+", plain)
    filtered = page_of(door, "window=7d&where=country:DE")
    (figure,) = (
        each for each in filtered.all("figure") if each.get("aria-labelledby") == "requests-h"
    )
    keys = [filtered.text(each) for each in figure.iter("span")]
    assert "error – –" in keys
    assert chart_of(filtered, "errors")


def test_the_bars_of_a_list_name_their_errors() -> None:
    """By status, and not as the chart does."""
    text = page_of(door_of(fortnight()), "window=7d").text()
    assert "4xx or 5xx among other" in text


def test_the_error_of_an_estimate_stands_at_its_name() -> None:
    """Beside a long number it would leave the tile."""
    page = page_of(door_of(fortnight()), "window=7d")
    (figures,) = (each for each in page.all("dl") if each.get("class") == "figs")
    names = [page.text(each[0]) for each in figures]
    assert any(re.fullmatch("Visitors ±1.6\u00a0%", name) for name in names)
    assert not [each for each in figures if "±" in page.text(each[1])]
