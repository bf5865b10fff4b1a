"""Pages without a request: the requests that there are elsewhere, and the values of a filter."""

from difflib import get_close_matches
from typing import NamedTuple

from pipeline.answer.calendar import zone_named
from pipeline.answer.entries import OTHER
from pipeline.answer.overview import Filter, Overview
from pipeline.answer.traffic import Extent
from pipeline.api.parameters import MOST_DAYS
from pipeline.hours import HOURS_PER_DAY, hour_start
from pipeline.page import clock
from pipeline.page.address import Address
from pipeline.page.text import escaped, shortened


class Elsewhere(NamedTuple):
    """The requests beside an empty window: a sentence, and a link to them."""

    text: str
    link: str
    href: str


def elsewhere_of(extent: Extent | None, address: Address | None) -> Elsewhere | None:
    """The requests that there are in other windows; None if there are none."""
    if extent is None or address is None or not extent.requests:
        return None
    zone = zone_named(address.tz)
    first, end = (
        clock.full(hour_start(hour).astimezone(zone)) for hour in (extent.start, extent.end)
    )
    is_long = extent.end - extent.start > MOST_DAYS * HOURS_PER_DAY
    return Elsewhere(
        f"{address.site or 'The store'} has {extent.requests:,} "
        f"request{'' if extent.requests == 1 else 's'}, from {first} to {end}",
        f"show the last {MOST_DAYS} days of them" if is_long else "show them",
        f"?{address.of_hours(extent.start, extent.end).query}",
    )


def unmatched(where: Filter, overview: Overview) -> str:
    """The reason why a filter leaves nothing, and the values that there are."""
    name = where.dimension.replace("_", " ")
    (ranking,) = overview.lists  # of the dimension of the filter, without one that the logs lack
    values = [each.value for each in ranking.entries if each.value != OTHER]
    if not values:
        return f"the logs of this window do not have a {name}: there is nothing to filter"
    folded = {value.casefold(): value for value in reversed(values)}
    near = get_close_matches(where.value.casefold(), folded, n=1)
    meant = f"Did you mean {_told(folded[near[0]])}? " if near else ""
    known = ", ".join(map(_told, values)) + (", …" if ranking.values > len(values) else "")
    asked = f"the {name} '{_told(where.value)}'"
    return f"no request of this window has {asked}. {meant}There are: {known}"


def _told(value: str) -> str:
    return escaped(shortened(value))
