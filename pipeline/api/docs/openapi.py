"""The OpenAPI 3.1 document of the API, from the tables and shapes that the API itself uses."""

from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import msgspec

import pipeline
from pipeline.api.accept import not_acceptable
from pipeline.api.parameters import Parameter, with_default_shown
from pipeline.api.problems import KINDS, MEDIA_TYPE, Problem, ProblemDocument
from pipeline.api.render import MEDIA_TYPES
from pipeline.api.route import Route

Document = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
EXAMPLES = "examples.json"
"""The file beside this module with an answer of each route, by the route's name: answers of the
API itself, with lists cut short, which `python -m demo.api_document` writes."""

_PROBLEMS = {
    "BadRequest": Problem(
        HTTPStatus.BAD_REQUEST,
        "it must be a whole number from 1 to 200",
        "bad-value",
        "limit",
        limit={"minimum": 1, "maximum": 200},
    ),
    "Unauthorized": Problem(
        HTTPStatus.UNAUTHORIZED, "send the API secret, as the password of Basic or as Bearer"
    ),
    "Forbidden": Problem(HTTPStatus.FORBIDDEN, "these credentials do not open this"),
    "NotFound": Problem(
        HTTPStatus.NOT_FOUND, "nothing was counted of such a site", "unknown-site", "site", ["E1"]
    ),
    "MethodNotAllowed": Problem(HTTPStatus.METHOD_NOT_ALLOWED, "every route is a GET"),
    "NotAcceptable": not_acceptable(("json",)),
    "TooManyRequests": Problem(HTTPStatus.TOO_MANY_REQUESTS, "too many requests; ask again later"),
    "ServerError": Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error on our side; it was logged"),
    "Unavailable": Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be read at the moment"
    ),
}
_HEADERS: dict[str, Document] = {
    "Allow": {"description": "The methods there are.", "schema": {"type": "string"}},
    "Cache-Control": {
        "description": "For how long the answer may be kept.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "A weak digest of the answer's content, whenever it was computed.",
        "schema": {"type": "string", "pattern": '^W/"[^"]+"$'},
    },
    "Edgetally-Changed": {
        "description": "`true` if rows have changed since the first page, for formats that have "
        "no envelope.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "Where the next page is, for formats that have no envelope.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which to ask again.",
        "schema": {"type": "integer"},
    },
    "WWW-Authenticate": {
        "description": "How to send the secret.",
        "schema": {"type": "string"},
    },
}
_WITH_PROBLEM = {
    "MethodNotAllowed": "Allow",
    "TooManyRequests": "Retry-After",
    "Unavailable": "Retry-After",
    "Unauthorized": "WWW-Authenticate",
}


def document(routes: Mapping[str, Route]) -> Document:
    """The document of these routes, by their paths."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edgetally",
            "version": pipeline.__version__,
            "summary": "The traffic of CloudFront distributions, from their access logs",
            "description": _introduction(),
        },
        "servers": [{"url": "..", "description": "Where this document is"}],
        "security": [{"bearer": []}, {"basic": []}],
        "paths": {path: {"get": _operation(route)} for path, route in routes.items()},
        "components": {
            "schemas": _schemas(routes.values()),
            "headers": _HEADERS,
            "responses": {name: _problem(name) for name in _PROBLEMS}
            | {"NotModified": {"description": "What `If-None-Match` names is still true."}},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The API secret"},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Any user, with the API secret as password",
                },
            },
        },
    }


def _introduction() -> str:
    kinds = "".join(f"\n- `{kind}`: {text}" for kind, text in KINDS.items())
    return (
        "Every route is a GET (a HEAD has its headers). Times are RFC 3339, ratios are 0 to 1, "
        "units are in the names. "
        "Answers about windows have an `ETag`: send it as `If-None-Match`, and nothing is sent "
        "again until it has changed.\n\n"
        "What cannot be answered is a problem document (RFC 9457). Its `type` is `about:blank` "
        f"or `urn:edgetally:problem:` and one of these:\n{kinds}"
    )


def _operation(route: Route) -> Document:
    parameters = [_parameter(parameter) for parameter in route.parameters]
    if route.tagged:
        parameters.append(
            {
                "name": "If-None-Match",
                "in": "header",
                "description": "The `ETag` of an answer that is there already.",
                "schema": {"type": "string"},
                "example": 'W/"0d3b7a49c3a1e0a5f9b1e2d47c6a8b90-json"',
            }
        )
    return {
        "operationId": route.name,
        "summary": route.text,
        "parameters": parameters,
        "responses": _responses(route),
    }


def _parameter(parameter: Parameter) -> Document:
    document: Document = {
        "name": parameter.name,
        "in": "path" if parameter.in_path else "query",
        "description": parameter.text,
        "required": parameter.in_path,
        "schema": with_default_shown(parameter),
    }
    if parameter.many:
        document |= {"style": "form", "explode": False}
    if parameter.example is not None:
        document["example"] = parameter.example
    return document


def _responses(route: Route) -> Document:
    headers = ["Cache-Control"]
    headers += ["ETag"] if route.tagged else []
    headers += ["Edgetally-Changed", "Link"] if route.name == "top" else []
    responses: Document = {
        "200": {
            "description": route.text,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
            "content": {_media_type(form): _content(route, form) for form in route.formats},
        }
    }
    if route.tagged:
        responses["304"] = {"$ref": "#/components/responses/NotModified"}
    return responses | {
        str(problem.status.value): {"$ref": f"#/components/responses/{name}"}
        for name, problem in _PROBLEMS.items()
    }


def _media_type(form: str) -> str:
    return MEDIA_TYPES[form].partition(";")[0]


def _content(route: Route, form: str) -> Document:
    if form != "json":
        return {"schema": {"type": "string"}}
    if route.shape is None:
        return {"schema": {"type": "object"}}
    content: Document = {"schema": _ref(route.shape)}
    if (example := _examples().get(route.name)) is not None:
        content["example"] = example
    return content


@cache
def _examples() -> Document:
    examples: Document = msgspec.json.decode((files(__package__) / EXAMPLES).read_bytes())
    return examples


def _problem(name: str) -> Document:
    problem = _PROBLEMS[name]
    header = _WITH_PROBLEM.get(name)
    return {
        "description": problem.status.description or problem.status.phrase,
        "headers": {header: {"$ref": f"#/components/headers/{header}"}} if header else {},
        "content": {
            MEDIA_TYPE: {
                "schema": _ref(ProblemDocument),
                "example": msgspec.json.decode(problem.document()),
            }
        },
    }


def _schemas(routes: Iterable[Route]) -> Document:
    shapes = [route.shape for route in routes if route.shape is not None]
    unique = list(dict.fromkeys([*shapes, ProblemDocument]))
    return msgspec.json.schema_components(unique, ref_template=_REFERENCE)[1]


def _ref(shape: type) -> Document:
    return {"$ref": _REFERENCE.format(name=shape.__name__)}
