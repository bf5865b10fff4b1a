"""A summary as tables, as JSON, CSV and Markdown."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from pipeline.answer.entries import Entry
from pipeline.answer.envelope import Comparison
from pipeline.answer.summary import LISTED, Summary
from pipeline.api.render import as_csv
from pipeline.cli.console import out
from pipeline.cli.show_summary import figures_of, remarks, show
from pipeline.cli.words import decoded, human_bytes, or_not_logged
from pipeline.page.markdown import table

_COUNTS = ("status_codes", "result_types", "methods")
_TIMES = ("p50", "p75", "p90", "p95", "p99", "max", "mean")
Before = Comparison[Summary] | None


def _as_table(summary: Summary, before: Before) -> None:
    if summary.total_records:
        show(summary, out, before)


def _as_json(summary: Summary, before: Before) -> None:
    """The summary, and under `compare` the one it is compared with."""
    document: dict[str, Any] = msgspec.to_builtins(summary)
    if before is not None:
        document["compare"] = msgspec.to_builtins(before)
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _as_csv(summary: Summary, before: Before) -> None:
    sys.stdout.write(as_csv(msgspec.to_builtins(summary)).decode())


def _as_markdown(summary: Summary, before: Before) -> None:
    print("\n".join(_markdown(summary, before)))


def _markdown(summary: Summary, before: Before) -> Iterator[str]:
    figures = figures_of(summary, before)
    yield from table(["figure", "value", "before", "change"][: len(figures[0])], figures)
    for key in _COUNTS:
        counts: dict[str, int] | None = getattr(summary, key)
        if counts:
            yield f"## {key.replace('_', ' ')}"
            yield ""
            yield from table(["value", "requests"], [[v, f"{n:,}"] for v, n in counts.items()])
    if summary.latency_ms:
        yield "## latency ms"
        yield ""
        yield from table(
            ["", *_TIMES, "requests"],
            [
                [
                    name.replace("_", " "),
                    *(f"{getattr(latency, time):,.0f}" for time in _TIMES),
                    f"{latency.requests:,}",
                ]
                for name, latency in summary.latency_ms.items()
            ],
        )
    for key in (*LISTED, "audience", "crawler_groups"):
        entries: list[Entry] | None = getattr(summary, key)
        if entries:
            yield f"## {key.replace('_', ' ')}"
            yield ""
            rows = [
                [
                    decoded(each.value),
                    f"{each.requests:,}",
                    or_not_logged(each.bytes, human_bytes),
                ]
                for each in entries
            ]
            yield from table(["value", "requests", "bytes"], rows)
    yield from remarks(summary)


SUMMARY_FORMS: Mapping[str, Callable[[Summary, Before], None]] = {
    "table": _as_table,
    "json": _as_json,
    "csv": _as_csv,
    "md": _as_markdown,
}
"""The forms of a summary."""
