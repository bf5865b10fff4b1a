"""The form of an answer that a client wants: the header `Accept`, by RFC 9110, 12.5.1."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pipeline.api.problems import Problem
from pipeline.api.render import MEDIA_TYPES

_OTHER_NAMES = {"ndjson": ("application/ndjson",)}
_RANGE = re.compile(r"[^\s/;]+/[^\s/;]+")
_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")

Ranges = Mapping[str, tuple[float, int]]
"""The quality of each media range, and minus its place."""


def preferred(accept: str, formats: Sequence[str]) -> str:
    """The format that a header wants most, of those that there are; the first of them if it wants
    none above others. Raises Problem (406) if it takes none of them."""
    ranges = _ranges(accept)
    if not ranges:
        return formats[0]
    found = [(*_wanted(form, ranges), -place, form) for place, form in enumerate(formats)]
    quality, *_, form = max(found)
    if not quality:
        raise not_acceptable(formats)
    return form


def not_acceptable(formats: Sequence[str]) -> Problem:
    """The refusal of a request that takes none of these formats."""
    return Problem(
        HTTPStatus.NOT_ACCEPTABLE,
        "the header Accept takes no form that there is here; /metrics/openapi.json lists every "
        "route with its forms",
        allowed=[_name(form) for form in formats],
        headers={"Vary": "Accept"},
    )


def _name(form: str) -> str:
    return MEDIA_TYPES[form].partition(";")[0]


def _wanted(form: str, ranges: Ranges) -> tuple[float, int]:
    """The quality of a format, and minus the place, of the range that fits it most closely."""
    name = _name(form)
    family = f"{name.partition('/')[0]}/*"
    fitting = (name, *_OTHER_NAMES.get(form, ()), family, "*/*")
    return next((ranges[each] for each in fitting if each in ranges), (0.0, 0))


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """The ranges of a header; one that is there twice is as it is wanted most."""
    ranges: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(accept.lower().split(",")):
        media, *options = (text.strip() for text in part.split(";"))
        if _RANGE.fullmatch(media):
            found = [float(match[1]) for each in options if (match := _QUALITY.fullmatch(each))]
            quality = found[0] if found else 1.0
            ranges[media] = max(ranges.get(media, (0.0, -place)), (quality, -place))
    return ranges
