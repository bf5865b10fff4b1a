"""The command that shows and changes the settings of a store."""

import json
from typing import Annotated

import typer

from pipeline.bootstrap import open_existing
from pipeline.cli.console import JsonOption, StoreOption, complain, out
from pipeline.errors import SettingError
from pipeline.hours import HOURS_PER_DAY, hour_start
from pipeline.settings import load_settings, parse_given
from pipeline.store.port import Meta
from pipeline.store.settings import NAMES, Given

settling = typer.Typer()

_READ_UNDER = {
    *("site_pattern", "site_by", "max_sites"),
    *("sampling", "realtime_fields", "plain_fields"),
}
"""Settings that decide what an object counts."""


@settling.command(
    epilog="Example: edgetally settings retention_days=400 shards=4 --store dynamodb://TABLE"
)
def settings(
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE…]", help=f"Of {', '.join(NAMES)}.", show_default=False),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the settings that the rows of a store depend on, or change them.

    The first writer writes them into the store, and every writer obeys them: one that is given
    others is refused. A changed retention moves the time to live of all entries and rows; that
    reads the whole table.
    """
    opened = open_existing(load_settings(store=store))
    given = parse_given(dict(map(_pair, changes or [])))
    kept = opened.settle(given) if given else opened.meta().settings
    if as_json:
        print(json.dumps(kept.given(), indent=2))
        return
    for name, value in kept.given().items():
        out.print(f"{name} = {value}", markup=False, soft_wrap=True)
    _advise(given, opened.meta())


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if name not in NAMES or not equals:
        raise SettingError("NAME=VALUE", f"{text!r} is none; the names are {', '.join(NAMES)}")
    return name, value


def _advise(given: Given, meta: Meta) -> None:
    if meta.settings.first_kept_day(meta.today) < meta.first_row_day:
        day = hour_start(meta.first_row_day * HOURS_PER_DAY)
        complain(
            f"Days before {day:%Y-%m-%d} were past the retention and stay hidden until they are "
            "rebuilt: edgetally audit says whether there are any, and how"
        )
    if _READ_UNDER & given.keys():
        complain(
            "Objects that were counted before stay as they are. To count them again: "
            "edgetally rebuild --from DAY --to DAY, then edgetally rebuild confirm"
        )
