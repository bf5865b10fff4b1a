"""The page's own account: what was read, how exact it is, and what is not shown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.answer.envelope import Meta
from pipeline.answer.health import Check
from pipeline.answer.overview import Overview
from pipeline.hour.histogram import RELATIVE_ERROR as PERCENTILE_ERROR
from pipeline.hour.hyperloglog import RELATIVE_ERROR as VISITORS_ERROR
from pipeline.page import words
from pipeline.page.words import NBSP


class Note(NamedTuple):
    """A remark under its heading."""

    name: str
    text: str


class Account(NamedTuple):
    """Log objects → lines = counted + rejected, by reason; and the notes."""

    objects: str
    lines: str
    counted: str
    rejected: str
    reasons: str
    notes: Sequence[Note]


_CHECKS = {"ledger_gap": "Audit", "dead_letters": "Dead letters", "queue": "Queue"}


def account_of(
    overview: Overview,
    meta: Meta,
    compared: str,
    absent: Sequence[str],
    unfiltered: str,
    checks: Sequence[Check],
) -> Account:
    """The account of an overview."""
    account = overview.account
    rejected = sum(account.rejected.values())
    reasons = ", ".join(
        f"{lines:,} {reason.replace('_', ' ')}" for reason, lines in account.rejected.items()
    )
    return Account(
        f"{account.objects:,}",
        f"{account.counted + rejected:,}",
        f"{account.counted:,}",
        f"{rejected:,}",
        reasons,
        [*_health(checks), *_exactness(overview, meta), *_shown(compared, absent, unfiltered)],
    )


def _health(checks: Sequence[Check]) -> Iterator[Note]:
    for check in checks:
        if check.name in _CHECKS:
            yield Note(_CHECKS[check.name], f"{check.detail[:1].upper()}{check.detail[1:]}.")


def _exactness(overview: Overview, meta: Meta) -> Iterator[Note]:
    if meta.sampling:
        rates = ", ".join(f"{site} {rate}{NBSP}%" for site, rate in meta.sampling.items())
        yield Note(
            "Sampling", f"The logs hold a part of the requests, and figures are scaled: {rates}."
        )
    else:
        yield Note("Sampling", "None: the logs hold every request.")
    partly = {
        field: requests
        for field, requests in meta.lacking.items()
        if requests < overview.account.counted
    }
    if partly:
        named = ", ".join(f"{field} ({requests:,} requests)" for field, requests in partly.items())
        yield Note(
            "Not in all logs", f"{named}: figures that are made of the field count the others."
        )
    percentile, visitors = (
        f"{100 * each:.{digits}f}{NBSP}%"
        for each, digits in ((PERCENTILE_ERROR, 0), (VISITORS_ERROR, 1))
    )
    bounds = _bounds(meta.approximate)
    yield Note(
        "Exact or not",
        f"Counts and bytes are exact.{bounds} Percentiles are within {percentile}, visitors within "
        f"{visitors} (68 of 100 times).",
    )


def _bounds(approximate: Mapping[str, int]) -> str:
    if not approximate:
        return " So is every list."
    named = ", ".join(
        f"a {name.replace('_', ' ')} {words.count(bound)}" for name, bound in approximate.items()
    )
    return f" Where there are more values than a table holds, one may miss requests: {named}."


def _shown(compared: str, absent: Sequence[str], unfiltered: str) -> Iterator[Note]:
    if compared:
        yield Note("Compared with", compared)
    missing = [f"{', '.join(absent)}: the logs do not have the field."] if absent else []
    if unfiltered:
        yield Note(
            "Filtered",
            f"Figures and charts are of the requests with this {unfiltered}. The lines above, and "
            "the times of what was counted, are those of all requests.",
        )
        missing.append(
            "Lists of other dimensions, visitors, percentiles, the rate of five minutes and the "
            f"share of crawlers: they are not kept together with a {unfiltered}."
        )
    if missing:
        yield Note("Not shown", " ".join(missing))
