"""The commands that look into the ledger and settle its entries."""

import json
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import Annotated

import typer

from pipeline.bootstrap import open_existing, open_ingest, open_to_read
from pipeline.cli.console import JsonOption, StoreOption, out
from pipeline.cli.exits import FAILED, OK
from pipeline.cli.rebuild_commands import as_document, show_obstacles
from pipeline.cli.show_ledger import as_json as entry_json
from pipeline.cli.show_ledger import show_entries
from pipeline.cli.sources import named
from pipeline.errors import SettingError
from pipeline.settings import load_settings
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Store
from pipeline.words import number_of

keeping = typer.Typer()

NameArgument = Annotated[
    str, typer.Argument(metavar="OBJECT", help="s3://bucket/key, or the path of a file.")
]


@keeping.callback(
    invoke_without_command=True,
    epilog="Example: edgetally objects --failed --store sqlite:///edgetally.db",
)
def objects(
    context: typer.Context,
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
    if context.invoked_subcommand:
        if store or failed or conflicts or as_json:
            raise SettingError("objects", f"put options behind {context.invoked_subcommand}")
        return
    opened = open_to_read(load_settings(store=store))
    generations = opened.meta().generations
    if failed or conflicts:
        chosen = sorted(
            (
                entry
                for entry in opened.objects()
                if (failed and entry.state == "failed") or (conflicts and _has_conflict(entry))
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


@keeping.command(
    epilog="Example: edgetally objects abandon s3://BUCKET/KEY --store dynamodb://TABLE"
)
def abandon(name: NameArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Take back what is counted of a half-committed object, and never count it again.

    Its days are recounted without it. Exit code 1 when another object stands in the way, and then
    nothing has changed.
    """
    from pipeline.upkeep.rebuild import abandon as take_back

    settings = load_settings(store=store)
    opened = open_existing(settings)
    count = open_ingest(settings, opened)
    done = take_back(opened, count.reader, named(name))
    show_obstacles(done)
    if as_json:
        print(json.dumps(as_document(done)))
    elif not done.failed:
        out.print(f"{name} is taken back; {number_of(done.recounted, 'other object')} recounted")
    raise typer.Exit(FAILED if done.failed else OK)


@keeping.command(
    epilog="Example: edgetally objects dismiss s3://BUCKET/KEY --store dynamodb://TABLE"
)
def dismiss(name: NameArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Clear the failure or the conflict of an object for good, so that an audit can be clean.

    What is counted does not change. A failed object still counts if it is delivered again and can
    be read. Other content that comes under the name later is a new conflict.
    """
    open_existing(load_settings(store=store)).dismiss(named(name))
    if as_json:
        print(json.dumps({"dismissed": name}))
    else:
        out.print(f"{name} is no problem any more", markup=False, soft_wrap=True)


def _last(store: Store, count: int, now: datetime) -> list[LedgerEntry]:
    """The latest entries; as little of the ledger is read as may be enough."""
    for days in (1, 7, 31):
        found = nlargest(count, store.objects(now - timedelta(days)), key=_latest)
        if len(found) == count:
            return found
    return nlargest(count, store.objects(), key=_latest)


def _has_conflict(entry: LedgerEntry) -> bool:
    return entry.conflict is not None and not entry.conflict.dismissed


def _latest(entry: LedgerEntry) -> tuple[int, str]:
    return (entry.at, entry.ref.id)
