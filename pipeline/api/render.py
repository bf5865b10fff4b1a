"""The forms of an answer: JSON, CSV, JSON lines, OpenMetrics."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pipeline.answer.metrics import METRICS

Render = Callable[[Any], bytes]
"""Makes a body of the data of an answer, in the types of JSON."""

MEDIA_TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
"""The media type of each format."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
NOT_LOGGED = "not in these logs"
_LABEL = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_Sample = tuple[Mapping[str, str], int | float, float | None]
_OBJECTS = frozenset({"unique_visitors", "unique_paths", "rejected_lines"})
"""Figures of a summary that have members; other objects in it are figures by a key."""


def as_csv(data: Any) -> bytes:
    """The entries of a list as rows under their names; an object as rows of figure and value, with
    a dot between the names on the way to a figure (RFC 4180). A list that is not in the logs is a
    head that says so, and no row.

    A cell of text that a spreadsheet would take for a formula has an apostrophe before it:
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    out = io.StringIO()
    writer = csv.writer(out)
    if data is None:
        writer.writerow([NOT_LOGGED])
    elif isinstance(data, list):
        names = list(data[0]) if data else []
        writer.writerow(names)
        writer.writerows([_cell(entry[name]) for name in names] for entry in data)
    else:
        writer.writerow(["figure", "value"])
        writer.writerows([_cell(".".join(path)), _cell(value)] for path, value in _leaves(data, ()))
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every figure inside of a value with the names on the way to it; places in lists from 0."""
    inside: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    else:
        yield path, value
        return
    for name, member in inside:
        yield from _leaves(member, (*path, str(name)))


def as_lines(data: Any) -> bytes:
    """An object of JSON per line: the entries of a list, or the one there is."""
    entries = data if isinstance(data, list) else [] if data is None else [data]
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)


def series_as_openmetrics(data: Sequence[Mapping[str, Any]]) -> bytes:
    """The buckets of a time series as samples at their starts, a family for each metric."""
    out = []
    names = [name for name in METRICS if data and name in data[0]]
    for name in names:
        samples: list[_Sample] = [
            ({}, entry[name], datetime.fromisoformat(entry["start"]).timestamp())
            for entry in data
            if entry[name] is not None
        ]
        out.append(_family(f"edgetally_{name}", METRICS[name].text, samples))
    return "".join((*out, "# EOF\n")).encode()


def summary_as_openmetrics(data: Mapping[str, Any]) -> bytes:
    """The figures of a summary, a family for each: entries of a list by the label `value`, figures
    of an object by the label `key`."""
    families: dict[str, list[_Sample]] = {}
    for name, value in data.items():
        for family, labels, figure in _figures(name, value):
            families.setdefault(family, []).append((labels, figure, None))
    out = [
        _family(f"edgetally_{name}", "a figure of the summary", samples)
        for name, samples in families.items()
    ]
    return "".join((*out, "# EOF\n")).encode()


def _figures(name: str, value: Any) -> Iterator[tuple[str, dict[str, str], int | float]]:
    if isinstance(value, int | float):
        yield name, {}, value
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict):
                yield from _of_entry(name, entry)
    elif name in _OBJECTS:
        for member, inner in (value or {}).items():
            yield from _figures(f"{name}_{member}", inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            for member, number in inner.items() if isinstance(inner, dict) else [("", inner)]:
                yield f"{name}_{member}" if member else name, {"key": key}, number


def _of_entry(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str], Any]]:
    (label,) = (text for text in entry.values() if isinstance(text, str))
    for figure, number in entry.items():
        if isinstance(number, int | float):
            yield f"{name}_{figure}", {"value": label}, number


def _family(name: str, text: str, samples: Iterable[_Sample]) -> str:
    lines = [f"# TYPE {name} gauge\n", f"# HELP {name} {text.translate(_LABEL)}\n"]
    for labels, value, at in samples:
        text = ",".join(f'{key}="{label.translate(_LABEL)}"' for key, label in labels.items())
        moment = "" if at is None else f" {at:.0f}"
        lines.append(f"{name}{'{' + text + '}' if text else ''} {value}{moment}\n")
    return "".join(lines)
