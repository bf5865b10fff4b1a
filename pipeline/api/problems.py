"""Problems, in the form of RFC 9457: requests that cannot be answered. The one place where errors
become statuses."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from pipeline.answer.cache import Busy
from pipeline.answer.rows import TakesTooLong, UnknownSite
from pipeline.answer.shape import Shape
from pipeline.errors import EdgetallyError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
NO_TYPE = "about:blank"
KIND = "urn:edgetally:problem:"

KINDS = {
    "unknown-parameter": "A parameter that the route does not have",
    "repeated-parameter": "A parameter that was given more than once",
    "bad-value": "A parameter whose value is not what it should be",
    "conflicting-parameters": "Parameters that exclude each other",
    "reversed-window": "A window that ends before it begins",
    "window-too-long": "A window that is longer than answers can be",
    "off-the-clock": "A time zone whose days do not begin at a full five minutes",
    "too-many-figures": "More figures than an answer can have",
    "bad-cursor": "A cursor that is of no page of this ranking",
    "unknown-site": "A site of which nothing was counted",
    "being-computed": "An answer that another request is computing",
    "takes-too-long": "An answer that there was not the time for",
}
"""The kinds of problem that have more to say than their status."""


class ProblemDocument(Shape, omit_defaults=True):
    """The reason why there is no answer, by RFC 9457. `param` is the parameter that it is about;
    `allowed` has its values, or `limit` its bounds."""

    type: str
    title: str
    status: int
    detail: str
    param: str | None = None
    allowed: list[str] | None = None
    limit: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Problem(Exception):
    """A refusal: its status, a sentence that says what to do, its kind (of `KINDS`, or none), the
    parameter it is about, and what is allowed there: the values, or the limit."""

    status: HTTPStatus
    detail: str
    kind: str = ""
    param: str | None = None
    allowed: list[str] | None = None
    limit: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> bytes:
        """The problem document."""
        return msgspec.json.encode(
            ProblemDocument(
                KIND + self.kind if self.kind else NO_TYPE,
                KINDS[self.kind] if self.kind else self.status.phrase,
                self.status.value,
                self.detail,
                self.param,
                self.allowed,
                self.limit,
            )
        )


def refused(kind: str, param: str | None, detail: str, **more: Any) -> Problem:
    """A request that is not understood, by reason of one of its parameters."""
    return Problem(HTTPStatus.BAD_REQUEST, detail, kind, param, **more)


def problem_of(error: Exception) -> Problem:
    """The problem that an error is for the client. The operator's side of it goes to the log."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnknownSite):
        return Problem(HTTPStatus.NOT_FOUND, str(error), "unknown-site", "site", error.known)
    if isinstance(error, Busy):
        return _later(str(error), "being-computed", 1)
    if isinstance(error, TakesTooLong):
        return _later(str(error), "takes-too-long", 60)
    if isinstance(error, EdgetallyError):
        logger.error("a request could not be answered: %s", error)
        return _later("the store cannot be read at the moment", "", 5)
    logger.error("a bug in edgetally: a request could not be answered", exc_info=error)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error on our side; it was logged")


def _later(detail: str, kind: str, seconds: int) -> Problem:
    headers = {"Retry-After": str(seconds)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, kind, headers=headers)
