"""Questions of the command line to a store: its rows, as of one moment."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import TypeVar

from pipeline.answer.calendar import Exact, Hours, label
from pipeline.answer.rows import Rows, as_of_one_moment
from pipeline.cli.console import complain
from pipeline.cli.window import Bounds
from pipeline.errors import SettingError
from pipeline.hour.five_minutes import SLOTS_PER_HOUR
from pipeline.hour.sketches import TOTALS
from pipeline.hours import ALWAYS, Window, hour_start
from pipeline.sites import sampled_site
from pipeline.store.port import Meta, Store
from pipeline.words import number_of

T = TypeVar("T")


def ask(store: Store, sites: Sequence[str] | None, read: Callable[[Rows], T]) -> T:
    """The result of `read` over the rows of some sites, None for all. Raises SettingError for a
    site that the store does not have, and StoreError."""
    meta = store.meta()
    _check_sites(sites or (), meta)
    return as_of_one_moment(store, meta, sites or None, read, meta.settings.caps)[0]


def bounded(rows: Rows, window: Window) -> Hours | None:
    """A window with both its bounds: where one is missing, that of the requests. None if there are
    no requests to bound it."""
    if window.start is not None and window.end is not None:
        return Hours(window.start, window.end)
    found = rows.hours(window)
    if found is None:
        return None
    start = found.start if window.start is None else window.start
    return Hours(start, found.end if window.end is None else window.end)


def bounded_exactly(rows: Rows, bounds: Bounds) -> Exact | None:
    """Bounds of a window with both of them: where one is missing, that of the hours with requests.
    None if there are no requests to bound it."""
    hours = bounded(rows, bounds.window)
    if hours is None:
        return None
    start, end = Exact.of(hours)
    return Exact(
        start if bounds.start is None else bounds.start, end if bounds.end is None else bounds.end
    )


def say_what_is_widened(bounds: Bounds, zone: tzinfo) -> None:
    """Say on stderr that an answer of full hours of UTC is of more than the window."""
    for option, slot, hour in (
        ("begin", bounds.start, bounds.window.start),
        ("end", bounds.end, bounds.window.end),
    ):
        if slot is not None and hour is not None and slot != hour * SLOTS_PER_HOUR:
            complain(
                f"Rows are kept by full hours of UTC: these figures {option} at "
                f"{label(hour, zone)}; `edgetally series` has the requests, bytes and 5xx of the "
                "zone's own hours and days"
            )


def say_what_there_is(
    store: Store, sites: Sequence[str] | None, holder: str = "The store has"
) -> None:
    """Say on stderr that a window has no requests, and which hours have some."""

    def read(rows: Rows) -> tuple[int, Hours | None]:
        return rows.merged(ALWAYS, TOTALS).totals.requests, rows.hours(ALWAYS)

    requests, hours = ask(store, sites, read)
    if hours is None:
        complain("No requests: nothing was counted yet. `edgetally ingest` counts logs.")
        return
    first, end = (f"{hour_start(hour):%Y-%m-%dT%H:%MZ}" for hour in hours)
    complain(
        f"No requests in this window. {holder} {number_of(requests, 'request')}: "
        f"--from {first} --to {end}"
    )


def _check_sites(names: Sequence[str], meta: Meta) -> None:
    known = sorted({sampled_site(stored)[0] for stored in meta.sites})
    for name in names:
        if name not in known:
            there_are = f"there are: {', '.join(known)}" if known else "it is empty"
            raise SettingError("--site", f"the store has no site {name!r}; {there_are}")
