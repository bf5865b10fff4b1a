"""The addresses of the page. (By itself, so that a function that answers JSON imports no page.)"""

from collections.abc import Mapping
from typing import Any

PAGE, LOGIN, LOGOUT = "/", "/login", "/logout"
DATA = "/data/{proxy+}"
"""The API once more, for those who have a session: the page's links lead there."""
DATA_BASE = "data/"
_PLACES = (PAGE, LOGIN, LOGOUT, DATA)


def place_of(event: Any) -> str | None:
    """The address of the page that a proxy event is for; None if it is for the API.

    API Gateway says which `resource` it took, which is right behind a custom domain too, where the
    path has another beginning.
    """
    if not isinstance(event, Mapping):
        return None
    for name in ("resource", "path"):
        if event.get(name) in _PLACES:
            return str(event[name])
    if isinstance(event.get("resource"), str):
        return None
    return DATA if str(event.get("path")).startswith(f"/{DATA_BASE}") else None


def asked_of_api(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event for the API that an event for DATA stands for."""
    parameters = event.get("pathParameters")
    rest = parameters.get("proxy") if isinstance(parameters, Mapping) else None
    if not isinstance(rest, str):
        rest = str(event.get("path")).partition(f"/{DATA_BASE}")[2]
    return {**event, "resource": None, "path": f"/{rest}", "pathParameters": {"proxy": rest}}


def base_of(event: Mapping[str, Any], place: str) -> str:
    """The path in front of the page's addresses: the gateway's stage, such as `/v1`, or the base
    path of a custom domain; "" if there is none."""
    path = _path_of(event)
    path = path.partition(f"/{DATA_BASE}")[0] if place == DATA else path.removesuffix(place)
    path = path.strip("/")
    return f"/{path}" if path else ""


def lacks_slash(event: Mapping[str, Any]) -> bool:
    """Whether the page was asked for as `/v1`: its links would then lead beside the stage."""
    return not _path_of(event).endswith("/")


def _path_of(event: Mapping[str, Any]) -> str:
    """The path that the browser asked for; the event's own has no stage."""
    context = event.get("requestContext")
    path = context.get("path") if isinstance(context, Mapping) else None
    return path if isinstance(path, str) else PAGE
