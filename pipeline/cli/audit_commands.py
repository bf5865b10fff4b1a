"""The commands that find what was never counted and have it counted: audit and backfill."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pipeline.bootstrap import Sources, open_existing, open_queue, open_to_read, store_file
from pipeline.cli.console import (
    JsonOption,
    QueueOption,
    StoreOption,
    complain,
    counting,
    out,
)
from pipeline.cli.exits import FAILED, OK
from pipeline.cli.show_ledger import show_audit
from pipeline.cli.sources import in_bucket
from pipeline.cli.window import FromOption, ToOption, parse_window
from pipeline.cli.words import human_bytes
from pipeline.errors import SettingError, StoreError
from pipeline.hours import ALWAYS
from pipeline.objects import ObjectRef
from pipeline.settings import Settings, load_settings
from pipeline.words import number_of

if TYPE_CHECKING:
    from pipeline.upkeep.audit import Audit

auditing = typer.Typer()

BucketOption = Annotated[
    str | None,
    typer.Option(help="Also look for objects that were never counted.", show_default=False),
]


@auditing.command(
    epilog="Example: edgetally audit --store dynamodb://TABLE --bucket BUCKET --from 2026-11-23"
)
def audit(
    store: StoreOption = None,
    bucket: BucketOption = None,
    prefix: Annotated[str, typer.Option(help="Only objects whose key begins so.")] = "",
    start: FromOption = None,
    end: ToOption = None,
    queue: QueueOption = None,
    enqueue: Annotated[
        bool, typer.Option("--enqueue", help="Send what is missing to the queue.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that the rows are what the ledger accounts for, and that no object is missing.

    The sum of the ledger is compared with every hour, and every day with its hours; with --bucket,
    every object there must be in the ledger (or younger than an hour). Whole days are checked.
    Exit code 1 when something is wrong.
    """
    from pipeline.upkeep.audit import audit as check

    if enqueue and not (queue and bucket):
        raise SettingError("--enqueue", "needs --bucket to find what is missing, and --queue")
    window = parse_window(now := datetime.now(UTC), start, end)
    opened = open_to_read(settings := load_settings(store=store))
    inventory = Sources(settings).list(bucket, prefix, window) if bucket else ()
    with counting("objects", not as_json) as advance:
        found = check(opened, window, now, inventory, advance)
    if window == ALWAYS and not prefix:
        _keep_findings(found, settings, bool(bucket))
    depth = open_queue(queue, settings).depth() if queue else None
    if as_json:
        print(json.dumps(asdict(found) | {"queue": depth and depth._asdict()}, indent=2))
    else:
        show_audit(found, depth, out)
    if enqueue and queue:
        _announce(found.missing, queue, settings, show=not as_json)
    elif found.missing:
        complain("to have the missing counted: edgetally audit … --enqueue --queue URL")
    raise typer.Exit(FAILED if found.problems else OK)


def _keep_findings(found: "Audit", settings: Settings, looked_at_bucket: bool) -> None:
    """Keep what a whole audit found of a store in a file for `/metrics/health`: no scheduled audit
    looks at it. A file that is write-protected stays as it is."""
    from pipeline.answer.health import Findings

    file = store_file(settings)
    if file is None or not os.access(
        file, os.W_OK, effective_ids=os.access in os.supports_effective_ids
    ):
        return
    findings = Findings(found.ledger_gap, len(found.missing) if looked_at_bucket else None)
    try:
        findings.keep(open_existing(settings))
    except StoreError as error:
        complain(f"/metrics/health will not know of this audit: {error}")


@auditing.command(
    epilog="Example: edgetally backfill s3://BUCKET/PREFIX --queue URL --from 2024-01-01"
)
def backfill(
    source: Annotated[str, typer.Argument(metavar="s3://BUCKET/PREFIX")],
    queue: QueueOption = None,
    start: FromOption = None,
    end: ToOption = None,
    after: Annotated[
        str | None,
        typer.Option(help="Go on behind this key, which an earlier run named.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List and count, send nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send the objects of a bucket to the queue, as if they had just been delivered.

    By the dates in their names only those of the window are listed; without a date in the name
    the object's own time decides. What was counted before counts nothing: running this twice is
    harmless.
    """
    place = in_bucket(source)
    if place is None:
        raise SettingError("SOURCE", f"{source!r} is no s3://bucket/prefix")
    if not queue and not dry_run:
        raise SettingError("--queue", "is needed; the stack's output IngestQueueUrl has it")
    settings = load_settings(store="memory://")
    window = parse_window(datetime.now(UTC), start, end)
    listed = Sources(settings).list(*place, window, after or "")
    refs = (each.ref for each in listed)
    done = _announce(refs, None if dry_run else queue, settings, show=not as_json)
    if as_json:
        print(json.dumps(done._asdict()))
    else:
        what = "would be sent" if dry_run else "sent"
        out.print(f"{number_of(done.objects, 'object')}, {human_bytes(done.bytes)}, {what}")


class _Sent(NamedTuple):
    """The objects that were sent to the queue, and their bytes."""

    objects: int
    bytes: int


def _announce(
    refs: Iterable[ObjectRef], queue: str | None, settings: Settings, show: bool
) -> _Sent:
    """Send objects to a queue, or to none; says where to go on if it is interrupted."""
    from pipeline.source.queue import BATCH
    from pipeline.upkeep.backfill import announce

    send = open_queue(queue, settings).send if queue else _send_nothing
    objects = size = 0
    last = ""
    with counting("objects", show) as advance:
        try:
            for batch in announce(refs, send, BATCH):
                batch_size = sum(ref.size for ref in batch)
                advance(len(batch), batch_size)
                objects += len(batch)
                size += batch_size
                last = batch[-1].key
        except BaseException:  # Ctrl-C too
            if last:
                complain(f"to go on from here, add: --after {last}")
            raise
    return _Sent(objects, size)


def _send_nothing(refs: Sequence[ObjectRef]) -> None:
    """Stand in for a queue in a dry run."""
