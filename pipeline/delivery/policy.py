"""Whether a resource's policy lets a service of AWS in, and which statement is in the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True)
class Access:
    """A request as policies see it: a service's `action` on a `resource`, in a `context` of
    condition keys."""

    service: str
    action: str
    resource: str
    context: Mapping[str, str]


def obstacle(policy: Mapping[str, Any], access: Access) -> str:
    """Return why a policy does not let the access happen, "" if it does.

    Conditions that are not understood count as met, so that nothing that works is called broken.
    """
    statements = _listed(policy.get("Statement", ()))
    about = [each for each in statements if _is_about(each, access)]
    for each in about:
        if each["Effect"] == "Deny" and not _unmet(each, access.context):
            return f"its policy denies it ({each.get('Sid', 'a statement without a name')})"
    allowing = [each for each in about if each["Effect"] == "Allow"]
    failures = [_unmet(each, access.context) for each in allowing]
    if "" in failures:
        return ""
    return failures[0] if failures else f"its policy does not allow {access.service} to write"


def _is_about(statement: Mapping[str, Any], access: Access) -> bool:
    principal = statement.get("Principal", {})
    services = ["*"] if principal == "*" else _listed(principal.get("Service", ()))
    if isinstance(principal, dict) and principal.get("AWS") == "*":
        services = ["*"]
    return (
        _any_matches(services, access.service)
        and _any_matches(_listed(statement.get("Action", ())), access.action)
        and _any_matches(_listed(statement.get("Resource", "*")), access.resource)
    )


def _unmet(statement: Mapping[str, Any], context: Mapping[str, str]) -> str:
    """The first condition of a statement that the context does not meet, as a sentence."""
    for operator, pairs in statement.get("Condition", {}).items():
        for key, wanted in pairs.items():
            actual = next((context[own] for own in context if own.lower() == key.lower()), None)
            if actual is not None and not _holds(operator, _listed(wanted), actual):
                return f"its policy asks for {key} {' or '.join(_listed(wanted))}, not {actual}"
    return ""


def _holds(operator: str, wanted: list[str], actual: str) -> bool:
    kind = operator.removesuffix("IfExists")
    if kind in ("StringEquals", "Bool"):
        return actual in wanted
    if kind in ("StringLike", "ArnLike", "ArnEquals"):
        return _any_matches(wanted, actual)
    if kind in ("StringNotEquals", "StringNotLike", "ArnNotLike", "ArnNotEquals"):
        return not _any_matches(wanted, actual)
    return True


def _any_matches(patterns: Iterable[str], value: str) -> bool:
    return any(fnmatchcase(value.lower(), pattern.lower()) for pattern in patterns)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
