"""A station of the way from the distribution to the counted hour, as the doctor finds it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["ok", "waiting", "broken", "unknown"]


@dataclass(frozen=True, slots=True)
class Station:
    """One station: its `state`, what was found, and what to do about it.

    `until` is when a waiting station should be over, None where nobody can say.
    """

    name: str
    state: State
    detail: str
    fix: str = ""
    until: datetime | None = None


def ok(name: str, detail: str) -> Station:
    """Return a station that is as it should be."""
    return Station(name, "ok", detail)


def broken(name: str, detail: str, fix: str) -> Station:
    """Return a station that keeps logs from being counted."""
    return Station(name, "broken", detail, fix)


def waiting(name: str, detail: str, until: datetime | None = None) -> Station:
    """Return a station that needs nothing but time."""
    return Station(name, "waiting", detail, "", until)


def unknown(name: str, detail: str, fix: str = "") -> Station:
    """Return a station that could not be looked at."""
    return Station(name, "unknown", detail, fix)
