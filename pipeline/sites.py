"""Sites: the hours of a site, and the names of sites whose logs hold a part of all requests.

A sampled line stands for 100/rate requests, which is rarely a whole number. Rows stay exact counts
of lines; a site's sampled rows are stored under a name of their own, and scaled to requests when
they are read.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

COMPLETE = 100
_MARK = "~"


class Place(NamedTuple):
    """An hour (since the epoch) of a site: the place of a line."""

    hour: int
    site: str


NO_HOUR = -1
"""The hour before an object's first one."""

BySite: TypeAlias = Mapping[str, Mapping[int, int]]
"""Counts by site and by hour since the epoch."""


def by_site(counts: Mapping[Place, int]) -> dict[str, dict[int, int]]:
    """The counts of places by site and hour."""
    sites: dict[str, dict[int, int]] = {}
    for (hour, site), count in sorted(counts.items()):
        sites.setdefault(site, {})[hour] = count
    return sites


def by_place(counts: BySite) -> dict[Place, int]:
    """The counts of places, in order of hours and then of sites."""
    return dict(
        sorted(
            (Place(hour, site), count)
            for site, hours in counts.items()
            for hour, count in hours.items()
        )
    )


def by_hour(counts: BySite) -> dict[int, int]:
    """The counts of all sites by hour, in order."""
    hours: dict[int, int] = {}
    for (hour, _), count in by_place(counts).items():
        hours[hour] = hours.get(hour, 0) + count
    return hours


def chained(places: Iterable[Place]) -> Iterator[tuple[int, Place]]:
    """The first place of each hour of an object, with the object's hour before.

    All sites together count an object once in this way, in any window.
    """
    previous = NO_HOUR
    for place in sorted(places):
        if place.hour != previous:
            yield previous, place
        previous = place.hour


def stored_site(site: str, percent: int) -> str:
    """The name under which a site's rows of a sampling rate are stored."""
    looks_sampled = sampled_site(site)[0] != site
    return site if percent == COMPLETE and not looks_sampled else f"{site}{_MARK}{percent}"


def sampled_site(stored: str) -> tuple[str, int]:
    """The site and the sampling rate in percent of a stored name."""
    site, mark, percent = stored.rpartition(_MARK)
    return (site, int(percent)) if mark and percent.isdecimal() else (stored, COMPLETE)


def rate_of(key: str, rates: Mapping[str, int]) -> int:
    """The sampling rate in percent of an object: that of the longest prefix its key has."""
    prefixes = [prefix for prefix in rates if key.startswith(prefix)]
    return rates[max(prefixes, key=len)] if prefixes else COMPLETE
