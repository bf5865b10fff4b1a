"""The lists: which dimension stands where, and a ranking → the rows of its list."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.answer.entries import OTHER, UNKNOWN, TopEntry
from pipeline.answer.overview import Filter, Past, Ranking
from pipeline.page import words
from pipeline.page.address import Address
from pipeline.page.names import named
from pipeline.page.series import PAINTS
from pipeline.page.text import shortened
from pipeline.schema.dimensions import DIMENSIONS

_LEAST_BAR = 0.8
"""The shortest bar, as a percentage."""
_LONGEST_TITLE = 500


class Column(NamedTuple):
    """A column of numbers: its head and its class, and the text of an entry."""

    head: str
    style: str
    text: Callable[["Row"], str]

    @property
    def hides(self) -> str:
        """The class by which a cell of the column is left out where it is narrow."""
        last = self.style.rpartition(" ")[2]
        return last if last in ("sh", "xx") else ""


class Panel(NamedTuple):
    """A list: its dimension, its title, the head of its values, and the column that matters."""

    dimension: str
    title: str
    head: str
    matters: str = "hit"

    @property
    def values(self) -> str:
        """The values of its dimension, in a sentence."""
        return self.title.partition(",")[0]


class Row(NamedTuple):
    """An entry of a list, the requests and the change that it has, and the total to share."""

    entry: TopEntry
    past: Past | None
    total: int


class Bar(NamedTuple):
    """A part of a row's bar: its class, where it begins and its width, in percent."""

    paint: str
    x: float
    width: float


class Line(NamedTuple):
    """A row as it is shown; `href` is "" if a click leads nowhere."""

    text: str
    title: str
    href: str
    is_chosen: bool
    bars: Sequence[Bar]
    cells: Sequence[str]


class Tab(NamedTuple):
    """Another ranking of the same dimension."""

    text: str
    href: str
    is_current: bool


class List(NamedTuple):
    """A list as it is shown: its rows, or the dimension of the filter that it cannot follow
    (`refused`). `shown` and `all` count values; `more` leads to the rest."""

    panel: Panel
    caption: str
    columns: Sequence[Column]
    lines: Sequence[Line] = ()
    is_wide: bool = False
    is_folded: bool = False
    tabs: Sequence[Tab] = ()
    remarks: Sequence[str] = ()
    shown: str = ""
    all: str = ""
    more: str = ""
    csv: str = ""
    json: str = ""
    refused: str = ""


PATHS = Panel("path", "Paths", "path")
_PLACED: tuple[tuple[Panel, ...], ...] = (
    (PATHS,),
    (Panel("status", "Status codes", "status", "time"),),
    (Panel("referrer", "Referrers", "site that linked"),),
    (Panel("country", "Countries", "country"),),
    (Panel("host", "Hosts", "host"), Panel("device", "Devices", "device")),
    (Panel("edge_location", "Edge locations", "place, location", "time"),),
    (
        Panel("result_type", "Result types", "type", "time"),
        Panel("protocol", "Protocols", "protocol"),
    ),
    (Panel("cache_behavior", "Cache behaviours", "path pattern"),),
    (Panel("crawler", "Crawlers, by bytes", "crawler", "bytes"),),
    (Panel("content_type", "Content types", "content type"),),
    (
        Panel("detailed_result_type", "Result types, and why", "reason", "time"),
        Panel("tls_version", "TLS versions", "version"),
    ),
    (Panel("browser", "Browsers", "browser"),),
    (Panel("operating_system", "Systems", "system"), Panel("method", "Methods", "method")),
    (
        Panel("http_version", "HTTP versions", "version"),
        Panel("response_result_type", "Result types of responses", "type", "time"),
    ),
)


def _unplaced() -> list[tuple[Panel]]:
    """A cell for each dimension that has no place yet, so that none is missing on the page."""
    placed = {panel.dimension for cell in _PLACED for panel in cell}
    names = {name: name.replace("_", " ") for name in DIMENSIONS if name not in placed}
    return [(Panel(name, f"Values of {text}", text),) for name, text in names.items()]


LAYOUT = (*_PLACED, *_unplaced())
"""The cells of the grid of lists: each holds a list, or short ones below each other."""

RANKINGS = {
    "requests": "most requested",
    "bytes": "most bytes",
    "misses": "most missed",
    "errors": "most errors",
    "mean_time_ms": "slowest",
}
"""The ways to rank paths."""

_REQUESTS = Column("requests", "q", lambda row: str(words.count(row.entry.requests)))
_SHARE = Column("share", "c sh", lambda row: str(words.share(row.entry.requests, row.total)))
_CHANGE = Column("change", "e", lambda row: _change(row.past))
_BYTES = Column("bytes", "x", lambda row: str(words.size(row.entry.bytes)))
_HIT = Column("hit", "c", lambda row: str(words.percent(row.entry.hit_ratio, 0)))
_TIME = Column("mean time", "x", lambda row: str(words.time(row.entry.mean_time_ms)))
_ERRORS = Column("errors", "c xx", lambda row: str(words.count(row.entry.errors)))
_MISSES = Column("missed", "c xx", lambda row: str(words.count(row.entry.misses)))


def columns_of(panel: Panel, metric: str, is_wide: bool, compares: bool) -> list[Column]:
    """The columns of a list. Narrow lists have the one that matters, wide ones all."""
    change = [_CHANGE] if compares else []
    if is_wide:
        wide = [_wide(_BYTES), _HIT, _MISSES if metric == "misses" else _ERRORS, _wide(_TIME)]
        return [_REQUESTS, _SHARE, *change, *wide]
    if panel.matters == "bytes":
        return [_BYTES, _REQUESTS, _SHARE, *change]
    return [_REQUESTS, _SHARE, *change, _TIME if panel.matters == "time" else _HIT]


def _wide(column: Column) -> Column:
    return column._replace(style=f"{column.style} xx")


def lines_of(
    panel: Panel,
    ranking: Ranking,
    pasts: Sequence[Past | None],
    columns: Sequence[Column],
    total: int,
    address: Address | None,
) -> list[Line]:
    """The rows of a list; without an address, no click leads anywhere."""
    most = max((_measured(ranking.metric, entry) for entry in ranking.entries), default=0)
    return [
        _line(panel, Row(entry, past, total), ranking.metric, most, columns, address)
        for entry, past in zip(ranking.entries, pasts, strict=True)
    ]


def _line(
    panel: Panel,
    row: Row,
    metric: str,
    most: float,
    columns: Sequence[Column],
    address: Address | None,
) -> Line:
    value = row.entry.value
    text = named(panel.dimension, value)
    short = shortened(text)
    where = Filter(panel.dimension, value)
    chosen = address is not None and address.where == where
    href = ""
    if address is not None and value != OTHER:
        href = address.link(where=None, alone=None) if chosen else address.filtered(where)
    return Line(
        short,
        shortened(text, _LONGEST_TITLE) if short != text else "",
        href,
        chosen,
        _bars(row.entry, _measured(metric, row.entry) / most if most else 0),
        [column.text(row) for column in columns],
    )


def _measured(metric: str, entry: TopEntry) -> float:
    return float(getattr(entry, metric) or 0)


def _bars(entry: TopEntry, part: float) -> list[Bar]:
    """As long as the part of the longest; its pieces are the classes of the requests."""
    length = max(_LEAST_BAR, 100 * part)
    bars, x = [], 0.0
    for name, requests in _parts(entry).items():
        width = length * requests / entry.requests if entry.requests else 0
        if width >= 0.25:
            bars.append(Bar(PAINTS[name], round(x, 1), round(width, 1)))
        x += width
    return bars


def _parts(entry: TopEntry) -> dict[str, int]:
    """The requests of a value in parts that add up: hits, misses, and of the rest those with 4xx or
    5xx. (Result types of errors are not kept by value.)"""
    hits, misses = entry.hits or 0, entry.misses or 0
    rest = entry.requests - hits - misses
    failed = min(rest, entry.errors or 0)
    return {"hit": hits, "miss": misses, "other": rest - failed, "error": failed}


def _change(past: Past | None) -> str:
    if past is None or past.requests is None or past.change is None:
        return words.NOTHING
    now = past.requests + past.change.absolute
    return words.growth(now, past.requests, 0)


def is_logged(ranking: Ranking) -> bool:
    """Whether any request has a value of the dimension."""
    return any(entry.value not in (UNKNOWN, OTHER) for entry in ranking.entries)
