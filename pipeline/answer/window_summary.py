"""The second use case: a window → its summary, from day and hour rows."""

from collections.abc import Sequence

from pipeline.answer.rows import Rows, as_of_one_moment
from pipeline.answer.summarize import summarize
from pipeline.answer.summary import TOP, Summary
from pipeline.hours import Window, spans
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.port import Store


def summary(
    store: Store,
    window: Window,
    sites: Sequence[str] | None = None,
    caps: Caps = DEFAULT_CAPS,
    top: int = TOP,
) -> Summary:
    """The summary of a window, of all sites or of some, with at most `top` entries in a list.
    Raises StoreError."""
    return as_of_one_moment(store, sites, lambda rows: summary_of(rows, window, caps, top))[0]


def summary_of(rows: Rows, window: Window, caps: Caps = DEFAULT_CAPS, top: int = TOP) -> Summary:
    """The same, of these rows."""
    aggregates = (aggregate for _, aggregate in rows.read(spans(window)))
    return summarize(aggregates, window, rows.sites.sampling, caps, top)
