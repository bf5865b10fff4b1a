"""Real-time logs of a part of all requests: kept apart from complete ones, scaled when read.

A sampled line stands for 100/rate requests, which is rarely a whole number. Rows stay exact counts
of lines; a site's sampled rows are stored under a name of their own, and scaled to requests when
they are read.
"""

from collections.abc import Mapping

COMPLETE = 100
_MARK = "~"


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
