"""The parts of charts: axes, labels and lines as people read them."""

import pytest

from pipeline.page.address import Address
from pipeline.page.charts import apart, decades, milliseconds, round_powers
from pipeline.page.door import Door
from pipeline.page.words import NBSP
from tests.support.fortnight import fortnight
from tests.support.html import Page
from tests.unit.page.test_door import door_of, page_of


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([30, 4000], ["10 ms", "100 ms", "1 s", "10 s"]),
        ([20, 800], ["10 ms", "100 ms", "1 s"]),
        ([120, 800], ["100 ms", "200 ms", "500 ms", "1 s"]),
        ([0.02, 0.03], ["0.01 ms", "0.02 ms", "0.05 ms", "0.1 ms"]),
        ([1500, 1600], ["1 s", "2 s", "5 s", "10 s"]),
        ([], ["1 ms", "10 ms", "100 ms", "1 s"]),
    ],
)
def test_a_logarithmic_axis_has_round_times(values: list[float], texts: list[str]) -> None:
    """At least three of them."""
    marked = [milliseconds(power).replace(NBSP, " ") for power in round_powers(*decades(values))]
    assert marked == texts


def test_labels_do_not_touch() -> None:
    """Those that would are moved down, in their order."""
    assert apart([10, 12, 40]) == [10, 22, 40]


@pytest.fixture(scope="module")
def door() -> Door:
    """The page and the API over two weeks of traffic."""
    return door_of(fortnight())


def chart_of(page: Page, name: str) -> str:
    """The texts of a chart, one after the other."""
    (figure,) = (each for each in page.all("figure") if each.get("aria-labelledby") == f"{name}-h")
    return "|".join(page.text(each) for each in figure.iter() if str(each.tag).endswith("text"))


@pytest.mark.parametrize(("window", "is_drawn"), [("24h", True), ("7d", True), ("30d", False)])
def test_the_rate_that_carriers_bill_is_a_line(door: Door, window: str, is_drawn: bool) -> None:
    """Where a bucket is at most an hour; it is told in any case."""
    page = page_of(door, f"window={window}")
    assert ("95th percentile" in chart_of(page, "bytes")) == is_drawn
    assert "95th percentile" in page.text()


def test_the_highest_percentile_is_named_above_the_others(door: Door) -> None:
    """Of equal ones too."""
    texts = chart_of(page_of(door, "window=24h"), "time").split("|")
    assert [text for text in texts if text in ("p50", "p95", "p99")] == ["p99", "p95", "p50"]


def test_a_command_in_a_note_is_shown_as_one(door: Door) -> None:
    """Not between the marks that text has for it."""
    page = page_of(door, Address().query)
    assert "edgetally audit" in [page.text(each) for each in page.all("code")]
    assert "`" not in page.text()


def test_an_empty_window_says_nothing_of_its_logs(door: Door) -> None:
    """There is no ratio of no request, and no field is called absent; no tick stands twice."""
    page = page_of(door, "from=2026-01-01&to=2026-01-02")
    figures = page.figures()
    assert {figures[name] for name in ("Hit ratio of cacheable", "4xx share")} == {"–"}
    assert (figures["Requests"], figures["Visitors"]) == ("0", "0")
    text = page.text()
    assert "Nothing was counted in this window" in text
    assert "there is nothing to list" in text
    assert "the logs do not have the field" not in text
    assert page.all("section")
    assert not [each for each in page.all("table") if each.get("class") == "lt"]
    assert chart_of(page, "requests").startswith("0|1|")
