"""The change of figures since others of the same shape."""

from typing import Any, TypeAlias

import msgspec

from pipeline.answer.metrics import Number
from pipeline.answer.shape import Shape

Change: TypeAlias = dict[str, Any] | list[dict[str, Any]]
"""Figures replaced by their `Difference`, in the shape of the figures."""

_NO_FIGURES = frozenset({"relative_error", "approximate", "sampling", "lacking"})


class Difference(Shape):
    """The difference of two figures: `absolute`, and `relative` to the earlier one (null where
    that was 0)."""

    absolute: Number
    relative: float | None


def changes(now: Any, before: Any) -> Change:
    """The change of every figure that both have: for a shape by its fields, for a list of shapes
    place by place.

    Lists inside of a shape are rankings, and have no change: their places say nothing. Nor has a
    list that is not in the logs.
    """
    return _changes(msgspec.to_builtins(now), msgspec.to_builtins(before))


def _changes(now: Any, before: Any) -> Change:
    if now is None or before is None:
        return []
    if isinstance(now, list):
        return [_by_name(*pair) for pair in zip(now, before, strict=False)]
    return _by_name(now, before)


def _by_name(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name, value in now.items():
        was: Any = before.get(name)
        if name in _NO_FIGURES:
            continue
        if isinstance(value, dict) and isinstance(was, dict):
            changed[name] = _by_name(value, was)
        elif _is_number(value) and _is_number(was):
            changed[name] = difference(value, was)
    return changed


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def difference(now: Number, before: Number) -> Difference:
    """The change from one figure to the other."""
    absolute = round(now - before, 6)
    return Difference(absolute, round(absolute / before, 6) if before else None)
