"""The third use case: what was asked → its answer, kept and given with the moment it is of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from pipeline.answer.cache import Answer, Answers, Given
from pipeline.answer.calendar import Hours, buckets, hours_before, label
from pipeline.answer.change import changes
from pipeline.answer.question import Asked, TimeseriesAsked, TopAsked
from pipeline.answer.rows import Rows, as_of_one_moment
from pipeline.deadline import NEVER, Deadline
from pipeline.errors import EdgetallyError
from pipeline.hours import CLOCK_SKEW, HOUR_US, hour_of, hour_start, spans
from pipeline.schema.dimensions import Caps
from pipeline.sites import sampled_site
from pipeline.store.port import Store

Said = dict[str, Any]

_NAMED_SITES = 100


class UnknownSite(EdgetallyError):
    """Nothing was ever counted of a site that was asked for; `known` are some of those that there
    are."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__("nothing was counted of such a site; /metrics/sites lists all there are")
        self.known = known[:_NAMED_SITES]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Answers about the traffic in a store."""

    store: Store
    answers: Answers
    clock: Callable[[], datetime]
    caps: Caps

    def answer(self, asked: Asked, deadline: Deadline = NEVER) -> Given:
        """The answer to what was asked: its body is a line of JSON with `meta`, and one with the
        rest. Raises UnknownSite, Busy, TakesTooLong, StoreError."""
        return self.answers.get(
            asked.key,
            lambda: self._computed(asked, deadline),
            lambda: self._vector(asked, deadline),
        )

    def sites(self) -> list[Said]:
        """Every site, with the percentage of requests that its logs have. Raises StoreError."""
        rates: dict[str, int] = {}
        for stored in self.store.meta().sites:
            site, percent = sampled_site(stored)
            rates[site] = min(percent, rates.get(site, percent))
        return [{"site": site, "sampling_percent": rates[site]} for site in sorted(rates)]

    def _computed(self, asked: Asked, deadline: Deadline) -> Answer:
        now = self.clock()
        known = [each["site"] for each in self.sites()] if asked.sites else []
        if asked.sites and not set(asked.sites) <= set(known):
            raise UnknownSite(known)
        (said, bounds), rows = as_of_one_moment(
            self.store, asked.sites, lambda rows: self._said(asked, rows, now), deadline
        )
        settled = hour_start(asked.end) + CLOCK_SKEW <= now
        meta = {
            "query": asked.echo(),
            "generated_at": now.astimezone(UTC)
            .isoformat(timespec="seconds")
            .replace("+00:00", "Z"),
            "complete_through": _complete_through(asked, rows.newest_us, settled),
            "approximate": bounds,
            "sampling": rows.sites.sampling,
        }
        lines = b"\n".join((msgspec.json.encode(meta), msgspec.json.encode(said)))
        # What is running, and what is settled, changes with the hour and not with the rows.
        moment = f"{min(hour_of(now), asked.end)} {settled}"
        etag = blake2b(f"{asked.key} {rows.vector} {moment}".encode(), digest_size=16).hexdigest()
        return Answer(lines, rows.vector, etag, settled)

    def _vector(self, asked: Asked, deadline: Deadline) -> str:
        def look(rows: Rows) -> None:
            for hours in _windows(asked):
                rows.only_versions(spans(hours.window))

        return as_of_one_moment(self.store, asked.sites, look, deadline)[1].vector

    def _said(self, asked: Asked, rows: Rows, now: datetime) -> tuple[Said, dict[str, int]]:
        """What the answer says, and the error bounds of what is approximate in it."""
        if isinstance(asked, TimeseriesAsked):
            return _timeseries(asked, rows, now), {}
        if isinstance(asked, TopAsked):
            return self._top(asked, rows)
        return self._summary(asked, rows)

    def _summary(self, asked: Asked, rows: Rows) -> tuple[Said, dict[str, int]]:
        from pipeline.answer.window_summary import summary_of

        whole, *before = (
            summary_of(rows, hours.window, self.caps).model_dump() for hours in _windows(asked)
        )
        return {"data": whole, "next_cursor": None, **_compared(asked, whole, before)}, whole[
            "approximate"
        ]

    def _top(self, asked: TopAsked, rows: Rows) -> tuple[Said, dict[str, int]]:
        from pipeline.answer.ranking import entries_of, ranked_page, same_values, table_of

        table, *before = (
            table_of(rows, hours.window, asked.dimension, self.caps) for hours in _windows(asked)
        )
        page = ranked_page(table, asked.dimension, asked.metric, asked.limit, asked.after)
        entries = entries_of(page.entries)
        then = [same_values(page.entries, each) for each in before]
        cursor = asked.cursor(page.end) if page.end else None
        said = {"data": entries, "next_cursor": cursor, **_compared(asked, entries, then)}
        return said, {asked.dimension: table.bound} if table.bound else {}


def _timeseries(asked: TimeseriesAsked, rows: Rows, now: datetime) -> Said:
    from pipeline.answer.timeseries import timeseries_of

    def series(hours: Hours) -> list[Said]:
        cut = buckets(hours, asked.by, asked.zone)
        figures = timeseries_of(rows, cut, asked.metrics)
        return [
            {
                "start": label(start, asked.zone),
                "end": label(end, asked.zone),
                "complete": hour_start(end) <= now,
                **each,
            }
            for (start, end), each in zip(cut, figures, strict=True)
        ]

    found, *before = map(series, _windows(asked))
    return {"data": found, "next_cursor": None, **_compared(asked, found, before)}


def _windows(asked: Asked) -> list[Hours]:
    """The window asked for, and the one to compare it with."""
    before = [hours_before(asked.hours, asked.zone)] if asked.compare else []
    return [asked.hours, *before]


def _compared(asked: Asked, now: Any, before: Sequence[Any]) -> Said:
    """The figures of the window before, and the change of each since."""
    if not before:
        return {}
    start, end = hours_before(asked.hours, asked.zone)
    return {
        "compare": {
            "from": label(start, asked.zone),
            "to": label(end, asked.zone),
            "data": before[0],
            "change": changes(now, before[0]),
        }
    }


def _complete_through(asked: Asked, newest_us: int | None, settled: bool) -> str | None:
    """Up to when no request is expected to be missing: the end of a window that has been closed
    for so long that no log is on its way, else the hour of its latest request."""
    if settled:
        return label(asked.end, asked.zone)
    if newest_us is None or newest_us // HOUR_US < asked.start:  # (of the window before)
        return None
    return label(min(asked.end, newest_us // HOUR_US), asked.zone)
