"""The questions that a page is made of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.answer.calendar import suitable
from pipeline.answer.overview import Listing
from pipeline.answer.overviewing import OverviewQuestion
from pipeline.api.questions import overview_question
from pipeline.page.address import Address
from pipeline.page.panels import LAYOUT, PATHS, RANKINGS

ROWS, MOST_ROWS = 10, 200
"""Rows of a list, and of one that is shown alone."""
LEAST_REQUESTS = 20
"""The requests that a path needs to be among the slowest."""
_LATE_TABLE = 48


def question_of(address: Address, now: datetime) -> OverviewQuestion:
    """The question that an address asks. Raises Problem."""
    values = {
        **address.values(),
        "by": "month",  # until the length of the window is known
        "lists": _lists(address),
        "limit": MOST_ROWS if address.alone else ROWS,
        "min_requests": LEAST_REQUESTS,
        "where": address.where,
    }
    return stepped(overview_question(values, now))


def report_question(start: int, end: int, tz: str) -> OverviewQuestion:
    """The question for a report about some hours: with every ranking of paths."""
    listings = tuple(Listing(PATHS.dimension, metric) for metric in RANKINGS)
    return stepped(
        OverviewQuestion(
            start, end, tz, lists=(*listings, *_others()), limit=ROWS, min_requests=LEAST_REQUESTS
        )
    )


def stepped(question: OverviewQuestion) -> OverviewQuestion:
    """The question with buckets that suit its length: few enough to be seen apart."""
    return replace(question, by=suitable(question.end - question.start))


def table_question(question: OverviewQuestion) -> OverviewQuestion | None:
    """The question for the tables below the charts: by day where there are many hours."""
    if question.by != "hour" or question.end - question.start <= _LATE_TABLE:
        return None
    return replace(question, by="day", lists=(), compare=None)


def _lists(address: Address) -> tuple[Listing, ...]:
    if address.alone == PATHS.dimension:
        return (Listing(address.alone, address.paths),)
    if address.alone:
        return tuple(each for each in _others() if each.dimension == address.alone)
    return (Listing(PATHS.dimension, address.paths), *_others())


def _others() -> Sequence[Listing]:
    """The lists beside paths, each by the metric that matters there."""
    return [
        Listing(panel.dimension, "bytes" if panel.matters == "bytes" else "requests")
        for cell in LAYOUT
        for panel in cell
        if panel is not PATHS
    ]
