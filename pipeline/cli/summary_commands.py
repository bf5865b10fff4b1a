"""The commands that show the traffic: summary."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from pipeline.answer.summary import TOP, Summary, window_summary
from pipeline.bootstrap import open_to_read
from pipeline.cli.console import FromOption, JsonOption, StoreOption, ToOption, out
from pipeline.cli.show_summary import show
from pipeline.cli.window import parse_window
from pipeline.errors import SettingError
from pipeline.hours import ALWAYS
from pipeline.settings import load_settings
from pipeline.sites import sampled_site
from pipeline.store.port import Meta

_MOST_HOURS = 24 * 366 * 100

summing = typer.Typer()


@summing.command(epilog="Example: edgetally summary --hours 24 --store sqlite:///edgetally.db")
def summary(
    store: StoreOption = None,
    hours: Annotated[
        int | None,
        typer.Option(
            help="The current UTC hour and the hours before it.",
            show_default=False,
            max=_MOST_HOURS,
        ),
    ] = None,
    start: FromOption = None,
    end: ToOption = None,
    site: Annotated[
        list[str] | None,
        typer.Option(help="Only this distribution (may be repeated).", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(help="Entries of each list.", min=1, max=5000)] = TOP,
    as_json: JsonOption = False,
) -> None:
    """Show the traffic of a window: requests, bytes, hits, latency, and who asked for what.

    Without a bound, everything that is stored. Times without a zone are UTC; bounds inside an
    hour take in the whole hour.
    """
    window = parse_window(hours, start, end, datetime.now(UTC))
    settings = load_settings(store=store)
    opened = open_to_read(settings)
    meta = opened.meta()
    _check_sites(site or [], meta)
    result = window_summary(opened, window, site or None, meta.settings.caps, top, meta)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
    else:
        show(result, out)
        if not result.total_records and window != ALWAYS:
            _show_what_there_is(window_summary(opened, ALWAYS, site or None, top=1, meta=meta))


def _check_sites(names: Sequence[str], meta: Meta) -> None:
    """Raises SettingError for a site that the store does not have."""
    known = sorted({sampled_site(stored)[0] for stored in meta.sites})
    for name in names:
        if name not in known:
            there_are = f"there are: {', '.join(known)}" if known else "it is empty"
            raise SettingError("--site", f"the store has no site {name!r}; {there_are}")


def _show_what_there_is(everything: Summary) -> None:
    if everything.total_records:
        out.print(
            f"The store has {everything.total_records:,} requests of {everything.time_range}: "
            "name another window, or none for all of it.",
            soft_wrap=True,
        )
