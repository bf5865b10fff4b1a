"""The commands that look into the ledger."""

import json
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import Annotated

import typer

from pipeline.bootstrap import open_to_read
from pipeline.cli.console import JsonOption, StoreOption, out
from pipeline.cli.show_ledger import as_json as entry_json
from pipeline.cli.show_ledger import show_entries
from pipeline.settings import load_settings
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Store

keeping = typer.Typer()


@keeping.command(epilog="Example: edgetally objects --failed --store sqlite:///edgetally.db")
def objects(
    store: StoreOption = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those that could not be counted.")
    ] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Those whose name came again with other content.")
    ] = False,
    last: Annotated[int, typer.Option(help="So many of the latest.", min=1, max=1_000_000)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the ledger: which objects were counted when, with how many records, and which not."""
    opened = open_to_read(load_settings(store=store))
    generations = opened.meta().generations
    if failed or conflicts:
        chosen = sorted(
            (
                entry
                for entry in opened.objects()
                if (failed and entry.state == "failed") or (conflicts and entry.conflict)
            ),
            key=_latest,
            reverse=True,
        )
    else:
        chosen = _last(opened, last, datetime.now(UTC))
    entries = [entry.as_read(generations) for entry in chosen]
    if as_json:
        print(json.dumps([entry_json(entry) for entry in entries], indent=2))
    else:
        show_entries(entries, out)


def _last(store: Store, count: int, now: datetime) -> list[LedgerEntry]:
    """The latest entries; as little of the ledger is read as may be enough."""
    for days in (1, 7, 31):
        found = nlargest(count, store.objects(now - timedelta(days)), key=_latest)
        if len(found) == count:
            return found
    return nlargest(count, store.objects(), key=_latest)


def _latest(entry: LedgerEntry) -> tuple[int, str]:
    return (entry.at, entry.ref.id)
