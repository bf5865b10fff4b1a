"""The base of every answer's shape, and the types that its fields share."""

from typing import Annotated, TypeAlias

import msgspec


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """An object of an answer. Its fields are sent, and the OpenAPI document repeats them."""


Moment: TypeAlias = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A moment in RFC 3339."""

Ratio: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
