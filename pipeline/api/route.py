"""A route, and a request to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from pipeline.answer.service import Service
from pipeline.api.accept import preferred
from pipeline.api.parameters import Parameter
from pipeline.api.problems import refused
from pipeline.api.proxy import Response
from pipeline.deadline import Deadline

Respond: TypeAlias = "Callable[[Service, Request], Response]"


class Route(NamedTuple):
    """A path and its response. `name` is the operation's name, `shape` that of the JSON it
    answers, if it has one; `tagged` answers have an `ETag`."""

    path: str
    name: str
    text: str
    respond: Respond
    shape: type[Struct] | None = None
    parameters: Sequence[Parameter] = ()
    formats: Sequence[str] = ("json",)
    tagged: bool = False


class Request(NamedTuple):
    """A request to a route of a table, in one of its formats; header names are in lower case."""

    route: Route
    routes: Mapping[str, Route]
    values: Mapping[str, Any]
    headers: Mapping[str, str]
    format: str
    deadline: Deadline


def format_of(route: Route, values: Mapping[str, Any], accept: str) -> str:
    """The format that a request wants, by its parameters or its header `Accept`. Raises Problem."""
    named: str | None = values.get("format")
    if not values.get("compare"):
        return named or preferred(accept, route.formats)
    if named not in (None, "json"):
        raise refused("conflicting-parameters", "compare", "it needs format=json")
    return named or preferred(accept, ("json",))
