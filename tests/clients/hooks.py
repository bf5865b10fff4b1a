"""What Schemathesis checks beside its own: loaded into it, not into the tests."""

from typing import Any

import schemathesis
from schemathesis import GenerationMode

BEYOND_A_SCHEMA = {
    "reversed-window",
    "window-too-long",
    "conflicting-parameters",
    "off-the-clock",
    "too-many-figures",
    "bad-cursor",
}
"""Reasons to refuse parameters each of which fits its schema."""


@schemathesis.check  # type: ignore[untyped-decorator] # not installed beside the tests
def refused_for_a_reason_beyond_the_schema(ctx: Any, response: Any, case: Any) -> None:
    """A request that fits the document is refused only for what a document cannot say."""
    if response.status_code != 400 or case.meta is None:
        return
    if case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    problem = response.json()
    kind = problem["type"].rpartition(":")[2]
    # A name that looks like that of a time zone may be none; RFC 3339 knows years before 1970.
    beyond_its_format = kind == "bad-value" and problem["param"] in ("tz", "from", "to")
    assert kind in BEYOND_A_SCHEMA or beyond_its_format, problem
