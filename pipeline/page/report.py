"""A report: the page of a store's traffic as one file, or the same as JSON, CSV or Markdown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import msgspec

from pipeline.answer.overview import Filter, OverviewAnswer
from pipeline.answer.overviewing import OverviewQuestion
from pipeline.answer.rows import Rows, as_of_one_moment
from pipeline.api.render import MEDIA_TYPES as OF_API
from pipeline.api.render import as_csv
from pipeline.errors import EdgetallyError
from pipeline.hours import Window
from pipeline.page.asking import report_question, table_question
from pipeline.page.markdown import markdown
from pipeline.page.view import Source, view_of
from pipeline.store.port import Store


class NothingToReport(EdgetallyError):
    """Nothing was counted in the window."""

    def __init__(self) -> None:
        super().__init__("nothing was counted there: there is nothing to report")


@dataclass(frozen=True)
class Report:
    """A report about a window of a store, None where it has no bound."""

    window: Window
    tz: str = "UTC"
    where: Filter | None = None
    title: str = ""

    def source(self, store: Store, now: datetime) -> Source:
        """All that the report says. Raises NothingToReport, StoreError."""
        meta = store.meta()
        read = partial(self._source, now=now)
        return as_of_one_moment(store, meta, None, read, meta.settings.caps)[0]

    def _source(self, rows: Rows, now: datetime) -> Source:
        hours = rows.hours(self.window)
        if hours is None:
            raise NothingToReport
        question = replace(report_question(*hours, self.tz), where=self.where)
        table = table_question(question)
        sites = sorted(rows.sites.percent)
        return Source(
            _answer(question, rows, now),
            None if table is None else _answer(table, rows, now),
            sites=sites,
            title=self.title or (sites[0] if len(sites) == 1 else "all sites"),
        )


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
