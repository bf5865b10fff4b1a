"""The grid of lists of a page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.answer.entries import requests_with
from pipeline.answer.overview import Before, Filter, Overview, Past, Ranking
from pipeline.page import words
from pipeline.page.address import Address
from pipeline.page.asking import LEAST_REQUESTS
from pipeline.page.names import is_ai
from pipeline.page.panels import (
    LAYOUT,
    PATHS,
    RANKINGS,
    List,
    Panel,
    Tab,
    columns_of,
    is_logged,
    lines_of,
)


@dataclass
class Lists:
    """The lists of an overview. Without an address nothing is a link, and every ranking of paths
    is there, but no list if there is a filter: a list is of all requests, to choose another value.
    `lacking` are the requests whose logs lack a field, by field; `absent` are the titles of lists
    that the logs do not have."""

    overview: Overview
    before: Before | None
    address: Address | None
    where: Filter | None = None
    lacking: Mapping[str, int] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)

    def cells(self) -> list[list[List]]:
        """The lists by the cells of the grid."""
        if self.where and self.address is None:
            return []
        cells = ([*self._cell(panels)] for panels in LAYOUT)
        return [cell for cell in cells if cell]

    def _cell(self, panels: Sequence[Panel]) -> Iterator[List]:
        for panel in panels:
            if self.address and self.address.alone not in (None, panel.dimension):
                continue
            if self.where and self.where.dimension != panel.dimension:
                yield List(panel, panel.title, (), refused=self.where.dimension.replace("_", " "))
                continue
            yield from self._lists(panel)

    def _lists(self, panel: Panel) -> Iterator[List]:
        pasts = self.before.lists if self.before else [None] * len(self.overview.lists)
        is_folded = False
        for ranking, past in zip(self.overview.lists, pasts, strict=True):
            if ranking.dimension != panel.dimension:
                continue
            if not is_logged(ranking):
                if self.overview.account.counted:
                    self.absent.append(panel.title)
                continue
            yield self._list(panel, ranking, past, is_folded)
            is_folded = True

    def _list(
        self, panel: Panel, ranking: Ranking, past: Sequence[Past] | None, is_folded: bool
    ) -> List:
        is_wide = panel is PATHS or (self.address is not None and self.address.alone is not None)
        columns = columns_of(panel, ranking.metric, is_wide, compares=past is not None)
        # A filter leaves the list of its own dimension as it is, so that another can be chosen.
        total = requests_with(panel.dimension, self.overview.account.counted, self.lacking)
        by = f", {RANKINGS[ranking.metric]}" if panel is PATHS else f", ranked by {ranking.metric}"
        return List(
            panel,
            panel.title + by,
            columns,
            lines_of(
                panel, ranking, past or [None] * len(ranking.entries), columns, total, self.address
            ),
            is_wide=is_wide,
            is_folded=is_folded,
            tabs=self._tabs() if panel is PATHS else (),
            remarks=list(self._remarks(panel, ranking)),
            **self._links(panel, ranking),
        )

    def _tabs(self) -> list[Tab]:
        if self.address is None:
            return []
        return [
            Tab(text, self.address.link(paths=metric), metric == self.address.paths)
            for metric, text in RANKINGS.items()
        ]

    def _remarks(self, panel: Panel, ranking: Ranking) -> Iterator[str]:
        if ranking.bound:
            yield (
                f"a {panel.head.split(',')[0]} may miss up to {words.count(ranking.bound)} "
                "requests: its table does not hold them all"
            )
        if ranking.metric == "mean_time_ms":
            yield f"with at least {LEAST_REQUESTS} requests"
        left_out = self.overview.account.counted - requests_with(
            panel.dimension, self.overview.account.counted, self.lacking
        )
        if left_out:
            yield f"without {words.count(left_out)} requests whose logs do not have it"
        if self.where:
            yield "not filtered, to choose another"
        if panel.dimension == "crawler":
            yield from self._of_ai(ranking)

    def _of_ai(self, ranking: Ranking) -> Iterator[str]:
        sent = sum(entry.bytes or 0 for entry in ranking.entries if is_ai(entry.value))
        whole = self.overview.figures["bytes"]
        if sent and whole:
            yield f"AI crawlers here took {words.size(sent)}, {words.share(sent, whole)} of all"

    def _links(self, panel: Panel, ranking: Ranking) -> dict[str, str]:
        count = f"{len(ranking.entries)} of"
        known = f"{'about ' if ranking.bound else ''}{ranking.values:,}"
        if self.address is None:
            is_cut = ranking.values > len(ranking.entries)
            return {"shown": f"{count} {known}" if is_cut else ""}
        more = "min_requests", str(LEAST_REQUESTS)
        options = {
            "metric": ranking.metric,
            **dict([more] if ranking.metric == "mean_time_ms" else []),
        }
        route = f"top/{panel.dimension}"
        links = {
            "csv": self.address.api(route, {**options, "format": "csv"}),
            "json": self.address.api(route, options),
        }
        if ranking.values > len(ranking.entries):
            links["shown"] = count
            links["all"] = known
            links["more"] = "" if self.address.alone else self.address.link(alone=panel.dimension)
        return links
