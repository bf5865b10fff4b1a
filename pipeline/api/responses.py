"""The responses of the routes: an answer in the form that is wanted, with its headers."""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from pipeline.answer.envelope import Envelope, Meta, Query
from pipeline.answer.question import Question, moment
from pipeline.answer.service import Service
from pipeline.api.proxy import NO_STORE, Response, matches
from pipeline.api.render import MEDIA_TYPES, Render, as_csv, as_lines
from pipeline.api.route import Request, Respond
from pipeline.api.settings import described


class _Kept(Envelope[msgspec.Raw]):
    """An answer of any shape, as it is kept."""

    compare: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


Ask = Callable[[Mapping[str, Any], datetime], Question]

_LASTING_SECONDS = 300


def answering(ask: Ask, openmetrics: Render = as_lines) -> Respond:
    """The response to the question that a request's values ask."""
    renders = {"csv": as_csv, "ndjson": as_lines, "openmetrics": openmetrics}

    def respond(service: Service, request: Request) -> Response:
        form = request.format
        question = ask(request.values, service.clock())
        answer, cached, stale, age = service.traffic.answer(question, request.deadline)
        left = max(0, int(service.traffic.answers.fresh_seconds(answer) - age))
        headers = {
            "ETag": f'W/"{answer.etag}-{form}"',  # weak: `generated_at` and others may differ
            "Cache-Control": f"private, max-age={0 if stale else left}",
            "Vary": "Accept, Authorization",
        }
        if matches(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(HTTPStatus.NOT_MODIFIED, b"", headers)
        envelope = msgspec.json.decode(answer.body, type=_Kept)
        if form == "json":
            return _ok(_flagged(envelope, cached, stale), form, headers)
        if envelope.meta.changed:
            headers["Edgetally-Changed"] = "true"
        if envelope.next_cursor:
            headers["Link"] = f'<{_next_page(request, envelope.next_cursor)}>; rel="next"'
        return _ok(renders[form](msgspec.json.decode(envelope.data)), form, headers)

    return respond


def _flagged(envelope: _Kept, cached: bool, stale: bool) -> bytes:
    meta = msgspec.structs.replace(envelope.meta, cached=cached, stale=stale)
    return msgspec.json.encode(msgspec.structs.replace(envelope, meta=meta))


def _next_page(request: Request, cursor: str) -> str:
    """The address of the next page, relative to this one."""
    kept = [
        f"{name}={quote(','.join(value) if isinstance(value, tuple) else str(value))}"
        for name in ("tz", "site", "metric", "limit", "min_requests", "format")
        if (value := request.values.get(name)) is not None
    ]
    return "?" + "&".join((*kept, f"cursor={cursor}"))


def sites(service: Service, request: Request) -> Response:
    """Every site."""
    form = request.format
    headers = {"Cache-Control": "private, max-age=60", "Vary": "Accept"}
    data = service.traffic.sites()
    if form == "json":
        return _ok(_enveloped(service, data), form, headers)
    render = {"csv": as_csv, "ndjson": as_lines}[form]
    return _ok(render(msgspec.to_builtins(data)), form, headers)


def settings(service: Service, request: Request) -> Response:
    """The settings of the API."""
    formats = {path: [*route.formats] for path, route in request.routes.items()}
    data = described(service, formats)
    return _lasting(request, _enveloped(service, data), "json", msgspec.json.encode(data))


def snapshot(service: Service, request: Request) -> Response:
    """The cached summary of the last hours."""
    return _old(service.snapshots.snapshot())


def refresh(service: Service, request: Request) -> Response:
    """A new summary of the last hours."""
    return _old(service.snapshots.refresh())


def cache_status(service: Service, request: Request) -> Response:
    """The state of the snapshot's cache."""
    return _old(msgspec.json.encode(service.snapshots.cache_status()))


def health(service: Service, request: Request) -> Response:
    """Every check of the health."""
    return _old(msgspec.json.encode(service.health.report()))


def openapi(service: Service, request: Request) -> Response:
    """The OpenAPI document."""
    from pipeline.api.docs.openapi import document  # no other route waits for its import

    return _lasting(request, msgspec.json.encode(document(request.routes)), "json")


def docs(service: Service, request: Request) -> Response:
    """The OpenAPI document as a page."""
    from pipeline.api.docs.openapi import document
    from pipeline.api.docs.page import POLICY, page

    response = _lasting(request, page(document(request.routes)), "html")
    return response._replace(headers={**response.headers, "Content-Security-Policy": POLICY})


def _ok(body: bytes, form: str, headers: Mapping[str, str]) -> Response:
    return Response(HTTPStatus.OK, body, {**headers, "Content-Type": MEDIA_TYPES[form]})


def _old(body: bytes) -> Response:
    """An answer of the routes that existing users rely on, which is never cached on its way."""
    return _ok(body, "json", {**NO_STORE, "Vary": "Accept"})


def _lasting(request: Request, body: bytes, form: str, identity: bytes | None = None) -> Response:
    """An answer that only another version of edgetally, or other settings, change; `identity` is
    the part of it that its ETag is of, if not all."""
    etag = f'W/"{blake2b(identity or body, digest_size=16).hexdigest()}"'
    cached = f"private, max-age={_LASTING_SECONDS}"
    headers = {"ETag": etag, "Cache-Control": cached, "Vary": "Accept"}
    if matches(request.headers.get("if-none-match", ""), etag):
        return Response(HTTPStatus.NOT_MODIFIED, b"", headers)
    return _ok(body, form, headers)


def _enveloped(service: Service, data: Any) -> bytes:
    """Data of no window, in the envelope of all answers."""
    meta = Meta(Query(), moment(service.clock()), None, {}, {}, {}, cached=False, stale=False)
    return msgspec.json.encode(Envelope(meta, data, None))
