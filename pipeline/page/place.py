"""The addresses of the page. (By itself, so that a function that answers JSON imports no page.)"""

from collections.abc import Mapping
from typing import Any

PAGE, LOGIN, LOGOUT = "/", "/login", "/logout"
_PLACES = (PAGE, LOGIN, LOGOUT)


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
    return None


def base_of(event: Mapping[str, Any], place: str) -> str:
    """The path in front of the page's addresses: the gateway's stage, such as `/v1`, or the base
    path of a custom domain; "" if there is none."""
    path = _path_of(event).removesuffix(place).strip("/")
    return f"/{path}" if path else ""


def lacks_slash(event: Mapping[str, Any]) -> bool:
    """Whether the page was asked for as `/v1`: its links would then lead beside the stage."""
    return not _path_of(event).endswith("/")


def _path_of(event: Mapping[str, Any]) -> str:
    """The path that the browser asked for; the event's own has no stage."""
    context = event.get("requestContext")
    path = context.get("path") if isinstance(context, Mapping) else None
    return path if isinstance(path, str) else PAGE
