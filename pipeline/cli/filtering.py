"""The filter of a report: one value of a dimension."""

from difflib import get_close_matches

from pipeline.answer.overview import Filter
from pipeline.errors import SettingError
from pipeline.schema.dimensions import DIMENSIONS

_PLURALS = {each.listed or f"{name}s": name for name, each in DIMENSIONS.items()}


def parse_where(text: str | None) -> Filter | None:
    """The filter of `DIMENSION:VALUE`; a dimension may stand in the plural, as in a summary.
    Raises SettingError."""
    if text is None:
        return None
    name, colon, value = text.partition(":")
    if not colon or not value:
        raise SettingError("--where", f"{text!r} is no DIMENSION:VALUE, such as country:DE")
    dimension = _PLURALS.get(name, name)
    if dimension not in DIMENSIONS:
        raise SettingError("--where", _unknown(name))
    return Filter(dimension, value)


def _unknown(name: str) -> str:
    near = get_close_matches(name.lower(), [*DIMENSIONS, *_PLURALS], n=1)
    meant = f"; did you mean {_PLURALS.get(near[0], near[0])}" if near else ""
    return f"{name!r} is no dimension{meant}; there are: {', '.join(DIMENSIONS)}"
