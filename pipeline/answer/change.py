"""How figures have changed since others of the same shape."""

from typing import Any

from pipeline.answer.metrics import Number

_NO_FIGURES = frozenset({"relative_error", "approximate", "sampling"})


def changes(now: Any, before: Any) -> Any:
    """The change of every figure that both have: of an object's in its shape, of a list's entries
    place by place.

    Each is `{absolute, relative}`: the difference, and the difference as a part of what it was
    (None where that was 0). Lists inside of an object are rankings, whose places say nothing.
    """
    if isinstance(now, list):
        return [_object(*pair) for pair in zip(now, before, strict=False)]
    return _object(now, before)


def _object(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in now.keys() & before.keys() - _NO_FIGURES:
        value, was = now[name], before[name]
        if isinstance(value, dict) and isinstance(was, dict):
            found[name] = _object(value, was)
        elif _is_number(value) and _is_number(was):
            found[name] = _change(value, was)
    return {name: found[name] for name in now if name in found}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _change(now: Number, before: Number) -> dict[str, Number | None]:
    difference = round(now - before, 6)
    return {
        "absolute": difference,
        "relative": round(difference / before, 6) if before else None,
    }
