"""The doctor's command: why is a number not there?"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pipeline.bootstrap import open_aws, open_store
from pipeline.cli.console import JsonOption, StoreOption, out
from pipeline.cli.delivery_commands import StackOption
from pipeline.cli.exits import FAILED, OK
from pipeline.delivery.aws import AwsDeliveries
from pipeline.delivery.aws_watching import AwsWatching
from pipeline.delivery.doctor import examine
from pipeline.delivery.scene import Scene
from pipeline.delivery.station import Station
from pipeline.settings import load_settings

diagnosing = typer.Typer()

_COLOURS = {"ok": "green", "waiting": "yellow", "broken": "red", "unknown": "magenta"}


@diagnosing.command(epilog="Example: edgetally status E123ABC456DEF --stack edgetally")
def status(
    distribution: Annotated[
        str | None,
        typer.Argument(help="The distribution's id; all of them without.", show_default=False),
    ] = None,
    stack: StackOption = "edgetally",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why a number is there or not: the whole way from a distribution to its counted hours.

    Each station is ok, waiting (until when), broken (and what to do), or unknown (and the right
    that is missing). Nothing is changed. Exit code 1 if a station is broken.
    """
    settings = load_settings(store=store or "memory://")
    calls = open_aws(settings)
    cloud = AwsDeliveries(calls)
    found = cloud.stack(stack)
    table = f"dynamodb://{found.outputs.get('TableName', stack)}"
    ledger = open_store(load_settings(store=store or table))
    names = [distribution] if distribution else cloud.distributions()
    now = datetime.now(UTC)
    stations = {
        name: examine(Scene(cloud, AwsWatching(calls), ledger, found, name, now)) for name in names
    }
    if as_json:
        document = {name: [asdict(each) for each in way] for name, way in stations.items()}
        print(json.dumps(document, indent=2, default=datetime.isoformat))
    else:
        for name, way in stations.items():
            _show(name, way)
    is_broken = any(each.state == "broken" for way in stations.values() for each in way)
    raise typer.Exit(FAILED if is_broken else OK)


def _show(distribution: str, way: Sequence[Station]) -> None:
    table = Table("station", "state", distribution, box=None, pad_edge=False)
    for each in way:
        detail = (
            f"{each.detail} (until {each.until:%Y-%m-%d %H:%MZ})" if each.until else each.detail
        )
        text = f"{detail}\n→ {each.fix}" if each.fix else detail
        table.add_row(each.name, Text(each.state, _COLOURS[each.state]), Text(text))
    out.print(table)
