"""A report: the page of a store's traffic as one file, or the same as JSON, CSV or Markdown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from pipeline.answer.calendar import Compare, Hours
from pipeline.answer.overview import Filter, OverviewAnswer
from pipeline.answer.overviewing import OverviewQuestion
from pipeline.answer.rows import Rows
from pipeline.api.render import MEDIA_TYPES as OF_API
from pipeline.api.render import as_csv
from pipeline.errors import EdgetallyError
from pipeline.hours import Window, hour_of
from pipeline.page.asking import report_question, table_question
from pipeline.page.markdown import markdown
from pipeline.page.nothing import unmatched
from pipeline.page.view import Source, view_of


class NothingToReport(EdgetallyError):
    """Nothing was counted in the window."""

    def __init__(self) -> None:
        super().__init__("nothing was counted there: there is nothing to report")


class NothingFiltered(EdgetallyError):
    """No request of the window has the value of the filter."""


@dataclass(frozen=True)
class Report:
    """A report about a window of some sites (none is all), None where it has no bound. With
    `compare`, each figure stands beside that of another window."""

    window: Window
    tz: str = "UTC"
    where: Filter | None = None
    title: str = ""
    sites: tuple[str, ...] = ()
    compare: Compare | None = None

    def source(self, rows: Rows, now: datetime) -> Source:
        """All that the report says, of the rows of its sites. Raises NothingToReport,
        NothingFiltered, UnknownSite, StoreError."""
        question = self._question(rows, now)
        table = table_question(question)
        answer = _answer(question, rows, now)
        if self.where and not answer.data.figures["requests"]:
            raise NothingFiltered(unmatched(self.where, answer.data))
        return Source(
            answer,
            None if table is None else _answer(table, rows, now),
            sites=sorted(rows.sites.percent),
            title=self.title or self._site(sorted(rows.sites.percent)),
        )

    def _question(self, rows: Rows, now: datetime) -> OverviewQuestion:
        hours = rows.hours(self.window)
        if hours is None:
            raise NothingToReport
        if self.compare:  # as long as asked for, or the other window would be cut to this traffic
            start, end = self.window.start, self.window.end
            until = max(hours.end, hour_of(now) + 1)
            hours = Hours(
                hours.start if start is None else start,
                hours.end if end is None else min(end, until),
            )
        return replace(
            report_question(*hours, self.tz),
            where=self.where,
            sites=self.sites or None,
            compare=self.compare,
        )

    def _site(self, sites: list[str]) -> str:
        return ", ".join(sites) if self.sites or len(sites) == 1 else "all sites"


def _answer(question: OverviewQuestion, rows: Rows, now: datetime) -> OverviewAnswer:
    answer = question.answer(rows, now)
    return msgspec.json.decode(msgspec.json.encode(answer), type=OverviewAnswer)


def _html(source: Source) -> str:
    from pipeline.page.render import page  # Jinja takes longer to import than the other forms

    return page(source)


def _json(source: Source) -> str:
    return msgspec.json.format(msgspec.json.encode(source.answer), indent=2).decode() + "\n"


def _csv(source: Source) -> str:
    return as_csv(msgspec.to_builtins(source.answer.data)).decode()


def _markdown(source: Source) -> str:
    return markdown(view_of(source))


FORMS: Mapping[str, Callable[[Source], str]] = {
    "html": _html,
    "json": _json,
    "csv": _csv,
    "md": _markdown,
}
"""The forms of a report."""
MEDIA_TYPES: Mapping[str, str] = {**OF_API, "md": "text/markdown; charset=utf-8"}
"""The media type of each form."""
