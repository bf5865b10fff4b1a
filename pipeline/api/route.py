"""A route, and a request to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from pipeline.answer.service import Service
from pipeline.api.parameters import Parameter
from pipeline.api.problems import refused
from pipeline.api.proxy import Response
from pipeline.api.render import preferred
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
    """A request to a route of a table; header names are in lower case."""

    route: Route
    routes: Mapping[str, Route]
    values: Mapping[str, Any]
    headers: Mapping[str, str]
    deadline: Deadline

    @property
    def format(self) -> str:
        """The format that is wanted. Raises Problem."""
        named: str | None = self.values.get("format")
        if self.values.get("compare"):
            if named not in (None, "json"):
                raise refused("conflicting-parameters", "compare", "it needs format=json")
            return "json"
        return named or preferred(self.headers.get("accept", ""), self.route.formats)
