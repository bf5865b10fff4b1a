"""The page in front of the API: proxy events for `/` → the page, all others → the API."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from pipeline.answer.overview import OverviewAnswer
from pipeline.answer.overviewing import OverviewQuestion
from pipeline.answer.service import Service
from pipeline.api.problems import Problem, problem_of
from pipeline.api.proxy import Response, proxy_response, query_of
from pipeline.api.render import MEDIA_TYPES
from pipeline.deadline import NEVER, Deadline
from pipeline.page.address import Address
from pipeline.page.asking import question_of, table_question
from pipeline.page.view import Source

PAGE = "/"
REFRESH_SECONDS = 300
"""After so long a page that shows a named window is asked for again by the browser."""

_METHODS = ("GET", "HEAD")

Answer = Callable[[Mapping[str, Any], Any], dict[str, Any]]


class Door:
    """Answers proxy events as the API does, and `/` with the page. A page that cannot be made is a
    page that says why."""

    def __init__(self, service: Service, api: Answer) -> None:
        self._service = service
        self._api = api

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """The proxy response to an event."""
        if not isinstance(event, Mapping) or event.get("path") != PAGE:
            return self._api(event, context)
        try:
            response = self._page(event)
        except Exception as error:
            response = _notice(problem_of(error))
        if event.get("httpMethod") == "HEAD":
            response = response._replace(body=b"")
        return proxy_response(response, {})

    def _page(self, event: Mapping[str, Any]) -> Response:
        from pipeline.page.render import empty, page  # Jinja, which no answer of the API waits for

        if event.get("httpMethod") not in _METHODS:
            allow = {"Allow": ", ".join(_METHODS)}
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "the page is a GET", headers=allow)
        address = Address.read(query_of(event))
        sites = [each.site for each in self._service.traffic.sites()]
        if not sites:
            return _html(HTTPStatus.OK, empty(), {})
        refresh = REFRESH_SECONDS if address.refresh and address.window else 0
        source = self._source(address, sites, refresh, NEVER)
        return _html(HTTPStatus.OK, page(source), {"Refresh": str(refresh)} if refresh else {})

    def _source(
        self, address: Address, sites: list[str], refresh: int, deadline: Deadline
    ) -> Source:
        question = question_of(address, self._service.clock())
        table = table_question(question)
        return Source(
            self._answer(question, deadline),
            None if table is None else self._answer(table, deadline),
            address,
            sites,
            self._service.health.report().health_status,
            refresh_seconds=refresh,
        )

    def _answer(self, question: OverviewQuestion, deadline: Deadline) -> OverviewAnswer:
        body = self._service.traffic.answer(question, deadline).answer.body
        return msgspec.json.decode(body, type=OverviewAnswer)


def _notice(problem: Problem) -> Response:
    from pipeline.page.render import notice

    return _html(problem.status, notice(problem.status.phrase, problem.detail), problem.headers)


def _html(status: HTTPStatus, text: str, headers: Mapping[str, str]) -> Response:
    from pipeline.page.render import policy

    return Response(
        status,
        text.encode(),
        {
            "Cache-Control": "private, no-store",
            **headers,
            "Content-Type": MEDIA_TYPES["html"],
            "Content-Security-Policy": policy(),
        },
    )
