"""The commands that show the traffic: summary and series."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Annotated, TypeVar

import msgspec
import typer

from pipeline.answer.calendar import BUCKETS, By, compared, label
from pipeline.answer.change import changes
from pipeline.answer.envelope import Comparison
from pipeline.answer.metrics import METRICS
from pipeline.answer.rows import Rows
from pipeline.answer.summarizing import summary_of
from pipeline.answer.summary import TOP, Summary
from pipeline.bootstrap import open_to_read
from pipeline.cli.asking import (
    ask,
    bounded_exactly,
    say_what_is_widened,
    say_what_there_is,
)
from pipeline.cli.asking_series import SeriesWish
from pipeline.cli.console import JsonOption, StoreOption, complain
from pipeline.cli.show_series import SERIES_FORMS
from pipeline.cli.summary_forms import SUMMARY_FORMS
from pipeline.cli.window import (
    CompareOption,
    FromOption,
    HoursOption,
    ToOption,
    TzOption,
    WindowOption,
    check_calendar,
    parse_bounds,
    parse_compare,
    parse_zone,
)
from pipeline.errors import SettingError
from pipeline.settings import load_settings

T = TypeVar("T")

_METRICS = "requests,bytes,hit_ratio,errors_4xx,errors_5xx,mean_time_ms"
"""As many as 80 columns hold."""

summing = typer.Typer()

SiteOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Only this site, such as a distribution (may be repeated).", show_default=False
    ),
]
FormOption = Annotated[
    str,
    typer.Option(
        "--format",
        help=f"{', '.join(SUMMARY_FORMS)}; --json is --format json.",
        autocompletion=lambda: list(SUMMARY_FORMS),
    ),
]
ByOption = Annotated[
    str | None,
    typer.Option(
        help=f"{', '.join(BUCKETS)}; by default what suits the window.",
        autocompletion=lambda: list(BUCKETS),
        show_default=False,
    ),
]
MetricsOption = Annotated[str, typer.Option(help=f"Between commas, of: {', '.join(METRICS)}.")]


@summing.command(
    epilog="Example: edgetally summary --window 7d --compare previous --store sqlite:///edgetally.db"
)
def summary(
    store: StoreOption = None,
    name: WindowOption = None,
    hours: HoursOption = None,
    start: FromOption = None,
    end: ToOption = None,
    tz: TzOption = "UTC",
    compare: CompareOption = None,
    site: SiteOption = None,
    top: Annotated[int, typer.Option(help="Entries of each list.", min=1, max=5000)] = TOP,
    form: FormOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Show the traffic of a window: requests, bytes, hits, latency, and who asked for what.

    Without a bound, everything that is stored. Bounds inside an hour take in the whole hour.
    """
    show = _form_of(SUMMARY_FORMS, form, as_json, compare)
    zone = parse_zone(tz)
    bounds = parse_bounds(datetime.now(UTC), start, end, hours, name, zone)
    say_what_is_widened(bounds, zone)

    def read(rows: Rows) -> tuple[Summary, Comparison[Summary] | None]:
        found = summary_of(rows, bounds.window, top)
        exact = bounded_exactly(rows, bounds) if compare is not None else None
        if exact is None:
            return found, None
        check_calendar(exact.hours, zone)
        kind = parse_compare(compare, exact, zone) or "previous"
        before = compared(exact, kind, zone).hours
        earlier = summary_of(rows, before.window, top)
        first, last = (label(hour, zone) for hour in before)
        return found, Comparison(first, last, earlier, changes(found, earlier))

    opened = open_to_read(load_settings(store=store))
    found, comparison = ask(opened, site, read)
    show(_on_the_clock_of(zone, found), comparison)
    if not found.total_records:
        say_what_there_is(opened, site)


@summing.command(
    epilog="Example: edgetally series --window 30d --by day --metrics requests,hit_ratio "
    "--format csv --store sqlite:///edgetally.db"
)
def series(
    store: StoreOption = None,
    name: WindowOption = None,
    hours: HoursOption = None,
    start: FromOption = None,
    end: ToOption = None,
    tz: TzOption = "UTC",
    by: ByOption = None,
    metrics: MetricsOption = _METRICS,
    compare: CompareOption = None,
    site: SiteOption = None,
    form: FormOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Show metrics of a window by the hour, day, week or month.

    Without a bound, from the first request that is stored to the last. JSON is the answer of the
    API's /metrics/timeseries.
    """
    show = _form_of(SERIES_FORMS, form, as_json, compare)
    zone, now = parse_zone(tz), datetime.now(UTC)
    bounds = parse_bounds(now, start, end, hours, name, zone)
    wish = SeriesWish(
        bounds, tz, tuple(sorted(site or ())), _bucket(by), _metrics(metrics), compare
    )
    opened = open_to_read(load_settings(store=store))
    found = ask(opened, site, lambda rows: wish.answer(rows, now))
    if found is not None:
        show(found)
        for remark in found.remarks:
            complain(remark)
    if found is None or not found.has_requests:
        say_what_there_is(opened, site)


def _on_the_clock_of(zone: tzinfo, summary: Summary) -> Summary:
    """The summary with the moments of its first and last request as the zone's clock shows them."""
    moments = [datetime.fromisoformat(each) for each in summary.time_range.split("/") if each]
    local = (each.astimezone(zone).isoformat().replace("+00:00", "Z") for each in moments)
    return msgspec.structs.replace(summary, time_range="/".join(local))


def _form_of(forms: Mapping[str, T], form: str, as_json: bool, compare: str | None) -> T:
    """The form of an answer. Raises SettingError."""
    if as_json and form not in ("table", "json"):
        raise SettingError("--json", f"cannot be combined with --format {form}")
    form = "json" if as_json else form
    if form not in forms:
        raise SettingError("--format", f"{form!r} is none of {', '.join(forms)}")
    if compare is not None and form == "csv":
        raise SettingError("--compare", "needs --format table, json or md")
    return forms[form]


def _bucket(by: str | None) -> By | None:
    if by is None:
        return None
    for each in BUCKETS:
        if each == by:
            return each
    raise SettingError("--by", f"{by!r} is none of {', '.join(BUCKETS)}")


def _metrics(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(each.strip() for each in text.strip(", ").split(",")))
    for each in names:
        if each not in METRICS:
            raise SettingError("--metrics", f"{each!r} is none of {', '.join(METRICS)}")
    return names
