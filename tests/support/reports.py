"""Reports about a store."""

from datetime import datetime

from pipeline.answer.rows import as_of_one_moment
from pipeline.page.report import Report
from pipeline.page.view import Source
from pipeline.store.port import Store


def source_of(store: Store, now: datetime, wanted: Report) -> Source:
    """All that a report says."""
    meta = store.meta()
    return as_of_one_moment(
        store, meta, wanted.sites or None, lambda rows: wanted.source(rows, now), meta.settings.caps
    )[0]
