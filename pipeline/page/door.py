"""The page in front of the API: proxy events for its addresses → the page, all others → the API."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from pipeline.answer.overview import OverviewAnswer
from pipeline.answer.overviewing import OverviewQuestion
from pipeline.answer.service import Service
from pipeline.answer.traffic import Extent
from pipeline.api.accept import preferred
from pipeline.api.app import deadline_of
from pipeline.api.problems import Problem, problem_of
from pipeline.api.proxy import (
    Response,
    headers_of,
    problem_response,
    proxy_response,
    query_of,
)
from pipeline.api.render import MEDIA_TYPES
from pipeline.deadline import Deadline
from pipeline.page import render
from pipeline.page.address import ALL, DEFAULT_WINDOW, Address
from pipeline.page.asking import question_of, table_question
from pipeline.page.login import Login, check_sender
from pipeline.page.place import (
    DATA,
    DATA_BASE,
    LOGIN,
    LOGOUT,
    PAGE,
    asked_of_api,
    base_of,
    lacks_slash,
    place_of,
)
from pipeline.page.session import no_cookie
from pipeline.page.view import Source

REFRESH_SECONDS = 300
"""After so long a page that shows a named window is asked for again by the browser."""

_METHODS = {
    PAGE: ("GET", "HEAD"),
    LOGIN: ("GET", "HEAD", "POST"),
    LOGOUT: ("POST",),
    DATA: ("GET", "HEAD"),
}

Answer = Callable[[Mapping[str, Any], Any], dict[str, Any]]


class Door:
    """Answers proxy events as the API does, and those for the page with the page. Without a login
    everyone who can ask may see it. A page that cannot be made is a page that says why."""

    def __init__(self, service: Service, api: Answer, login: Login | None = None) -> None:
        self._service = service
        self._api = api
        self._login = login

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """The proxy response to an event."""
        place = place_of(event)
        if place is None or (place != PAGE and self._login is None):
            return self._api(event, context)
        try:
            if place == DATA and self._may_read(event):
                return self._api(asked_of_api(event), context)
            response = self._response(place, event, context)
        except Exception as error:
            problem = problem_of(error)
            # A client that takes no page is told so in the form of the API's problems.
            is_page = problem.status != HTTPStatus.NOT_ACCEPTABLE
            response = _notice(problem) if is_page else problem_response(problem)
        if event.get("httpMethod") == "HEAD":
            response = response._replace(body=b"")
        return proxy_response(response, {})

    def _may_read(self, event: Mapping[str, Any]) -> bool:
        is_read = event.get("httpMethod") in _METHODS[DATA]
        return is_read and self._login is not None and self._login.has_session(headers_of(event))

    def _response(self, place: str, event: Mapping[str, Any], context: Any) -> Response:
        method, headers = event.get("httpMethod"), headers_of(event)
        if method not in _METHODS[place]:
            allow = {"Allow": ", ".join(_METHODS[place])}
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "it has no such method", headers=allow)
        if place in (PAGE, LOGIN) and method != "POST":
            preferred(headers.get("accept", ""), ("html",))
        home = f"{base_of(event, place)}/"
        if place == PAGE and lacks_slash(event):
            return _elsewhere(home, _state(event))
        if self._login is None:
            return self._page(event, context)
        if place == DATA:
            return _elsewhere(f"{home}login")
        if place == LOGOUT:
            check_sender(headers)
            return _elsewhere(f"{home}login", cookie=no_cookie())
        if method == "POST":
            return self._enter(self._login, event, home)
        is_in = self._login.has_session(headers)
        if place == LOGIN:
            return _elsewhere(home, _state(event)) if is_in else _login(_state(event))
        return self._page(event, context) if is_in else _elsewhere(f"{home}login", _state(event))

    def _enter(self, login: Login, event: Mapping[str, Any], home: str) -> Response:
        state, cookie = _state(event), login.enter(event, headers_of(event))
        return _login(state, is_wrong=True) if cookie is None else _elsewhere(home, state, cookie)

    def _page(self, event: Mapping[str, Any], context: Any) -> Response:
        address = Address.read(query_of(event))
        if self._login is not None:
            address = replace(address, api_base=DATA_BASE)
        sites = [each.site for each in self._service.traffic.sites()]
        if not sites:
            return _html(HTTPStatus.OK, render.empty(self._login is not None), {})
        deadline = deadline_of(context)
        if address.window == ALL:
            extent = self._extent(address, deadline)
            address = (
                address.of_hours(extent.start, extent.end)
                if extent.requests
                else replace(address, window=DEFAULT_WINDOW)
            )
        refresh = REFRESH_SECONDS if address.refresh and address.window else 0
        source = self.source(address, sites, refresh, deadline)
        headers = {"Refresh": str(refresh)} if refresh else {}
        return _html(HTTPStatus.OK, render.page(source), headers)

    def _extent(self, address: Address, deadline: Deadline) -> Extent:
        sites = (address.site,) if address.site else None
        return self._service.traffic.extent(sites, deadline)

    def source(
        self, address: Address, sites: list[str], refresh: int, deadline: Deadline
    ) -> Source:
        """The answers that the page of an address is made of. Raises Problem, UnknownSite,
        StoreError, TakesTooLong."""
        question = question_of(address, self._service.clock())
        table = table_question(question)
        answer = self._answer(question, deadline)
        is_empty = not answer.data.account.counted
        return Source(
            answer,
            None if table is None else self._answer(table, deadline),
            address,
            sites,
            self._service.health.report().health_status,
            refresh_seconds=refresh,
            has_login=self._login is not None,
            extent=self._extent(address, deadline) if is_empty else None,
        )

    def _answer(self, question: OverviewQuestion, deadline: Deadline) -> OverviewAnswer:
        body = self._service.traffic.answer(question, deadline).answer.body
        return msgspec.json.decode(body, type=OverviewAnswer)


def _state(event: Mapping[str, Any]) -> str:
    """The query that shows the same page again; "" if it shows none."""
    try:
        return Address.read(query_of(event)).query
    except Problem:
        return ""


def _elsewhere(path: str, query: str = "", cookie: str = "") -> Response:
    """The answer that leads to another address of the page."""
    location = f"{path}?{query}" if query else path
    headers = {"Location": location, **({"Set-Cookie": cookie} if cookie else {})}
    return _html(HTTPStatus.SEE_OTHER, "", headers)


def _login(state: str, is_wrong: bool = False) -> Response:
    status = HTTPStatus.FORBIDDEN if is_wrong else HTTPStatus.OK
    return _html(status, render.login(state, is_wrong), {})


def _notice(problem: Problem) -> Response:
    detail = problem.detail
    if problem.param:
        allowed = f" ({', '.join(problem.allowed)})" if problem.allowed else ""
        detail = f"{problem.param}: {detail}{allowed}"
    text = render.notice(problem.status.phrase, detail)
    return _html(problem.status, text, problem.headers)


def _html(status: HTTPStatus, text: str, headers: Mapping[str, str]) -> Response:
    return Response(
        status,
        text.encode(),
        {
            "Cache-Control": "private, no-store",
            "Vary": "Accept",
            # Of another host nobody learns; without a referrer a form would have no origin either.
            "Referrer-Policy": "same-origin",
            **headers,
            "Content-Type": MEDIA_TYPES["html"],
            "Content-Security-Policy": render.policy(),
        },
    )
