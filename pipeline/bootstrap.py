"""The composition root: the one module that knows which adapter stands behind which port."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from typing_extensions import override

from pipeline.answer.service import Service, serve_from
from pipeline.errors import EdgetallyError, SettingError
from pipeline.hours import ALWAYS, Window
from pipeline.objects import ObjectRef
from pipeline.remedies import next_step
from pipeline.settings import Settings
from pipeline.source.port import Content, Depth, Listed, Source
from pipeline.store.port import Store

if TYPE_CHECKING:
    from pipeline.delivery.calls import Calls
    from pipeline.ingest.ingest import Ingest
    from pipeline.source.queue import Queue
    from pipeline.source.s3 import S3Source

MOST_WORKERS = 4
"""Threads that read one object. The thread that inflates and tallies keeps no more of them busy."""

# Heavy modules are imported where they are used: functions that serve summaries lack some of them.


def open_store(settings: Settings) -> Store:
    """The store that `settings.store` names. A SQLite file is made if it is missing.

    The name is `sqlite:///file.db` (a relative path), `sqlite:////absolute/file.db`,
    `dynamodb://table?endpoint=…&region=…` or `memory://`. Raises SettingError for any other, and
    StoreError if the store cannot be opened.
    """
    url = _url(settings)
    openers = {"sqlite": _sqlite, "dynamodb": _dynamodb, "memory": _memory}
    if url.scheme not in openers:
        raise SettingError(
            "EDGETALLY_STORE",
            f"{settings.store!r} is no store; use sqlite:///edgetally.db, dynamodb://TABLE "
            "or memory://",
        )
    return openers[url.scheme](url, settings)


def _url(settings: Settings) -> SplitResult:
    try:
        return urlsplit(settings.store)
    except ValueError as error:
        raise SettingError("EDGETALLY_STORE", f"{settings.store!r} is no URL: {error}") from None


def _memory(url: SplitResult, settings: Settings) -> Store:
    from pipeline.store.memory import MemoryStore

    return MemoryStore(settings.given)


def open_existing(settings: Settings) -> Store:
    """The store that `settings.store` names. Raises SettingError for a file that is missing."""
    _existing_file(settings)
    return open_store(settings)


def open_to_read(settings: Settings) -> Store:
    """The store that `settings.store` names, for reading only: a SQLite file may be
    write-protected. Raises SettingError for a file that is missing."""
    file = _existing_file(settings)
    if file is None:
        return open_store(settings)
    from pipeline.store.sqlite import SqliteStore

    return SqliteStore(file, settings.given, read_only=True)


def _existing_file(settings: Settings) -> Path | None:
    file = store_file(settings)
    if file is not None and not file.exists():
        then = "`edgetally ingest` makes it" if file.parent.is_dir() else "nor does its folder"
        raise SettingError("EDGETALLY_STORE", f"{file} does not exist; {then}")
    if file is not None and not any(map(_size, store_files(settings))):
        reason = f"{file} is an empty file and no store; `edgetally ingest` counts into it"
        raise SettingError("EDGETALLY_STORE", reason)
    return file


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def store_file(settings: Settings) -> Path | None:
    """The file of a SQLite store, None for another store. Raises SettingError for a URL without
    a file."""
    url = _url(settings)
    return _sqlite_file(url, settings) if url.scheme == "sqlite" else None


def store_files(settings: Settings) -> list[Path]:
    """The files of a SQLite store: its own and those of its write-ahead log. Else empty."""
    file = store_file(settings)
    return [Path(f"{file}{end}") for end in ("", "-wal", "-shm")] if file else []


def _sqlite(url: SplitResult, settings: Settings) -> Store:
    from pipeline.store.sqlite import SqliteStore

    return SqliteStore(_sqlite_file(url, settings), settings.given)


def _sqlite_file(url: SplitResult, settings: Settings) -> Path:
    path = url.path.removeprefix("/")
    if url.netloc or not path:
        raise SettingError(
            "EDGETALLY_STORE",
            f"{settings.store!r} names no file; write sqlite:///edgetally.db, or "
            "sqlite:////var/lib/edgetally.db for an absolute path",
        )
    return Path(path)


def _dynamodb(url: SplitResult, settings: Settings) -> Store:
    from pipeline.store.dynamodb import DynamoStore

    if not url.netloc:
        raise SettingError("EDGETALLY_STORE", f"{settings.store!r} names no table")
    options = {name: values[-1] for name, values in parse_qs(url.query).items()}
    region = options.get("region", settings.region)
    client = _client("dynamodb", region, options.get("endpoint"))
    return DynamoStore(client, url.netloc, settings.given)


_CALLS: dict[str, Any] = {
    "retries": {"mode": "standard", "max_attempts": 8},
    "connect_timeout": 3,
    "read_timeout": 10,
    "max_pool_connections": 32,
}
_ONE_FIGURE: dict[str, Any] = {
    "retries": {"mode": "standard", "max_attempts": 2},
    "connect_timeout": 1,
    "read_timeout": 2,
}
"""For a figure among others: what waits for it answers within seconds."""


@cache
def _session() -> Any:
    """The session that all clients share. boto3 would add resources and transfers, which nothing
    here uses, and their time to import."""
    import botocore.session

    return botocore.session.Session()


def _client(service: str, region: str, endpoint: str | None, **config: Any) -> Any:
    """A client of an AWS service. Raises SettingError for a region, an endpoint or a profile that
    botocore refuses."""
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        return _session().create_client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            config=Config(**_CALLS | config),
        )
    except (BotoCoreError, ValueError) as error:
        raise SettingError("AWS", f"{error}{next_step(error)}") from error


class Sources(Source):
    """A source of all objects: one with a bucket is read from S3, one without from a local file,
    or from the file in which it was `kept`. `on_bytes` is called with what was just read."""

    def __init__(
        self,
        settings: Settings,
        on_bytes: Callable[[ObjectRef, int], None] = lambda ref, count: None,
    ) -> None:
        self._settings = settings
        self._on_bytes = on_bytes
        self.kept: dict[str, Path] = {}

    @override
    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        from pipeline.source.files import FileSource

        with (self.s3 if ref.bucket else FileSource(self.kept)).open(ref) as content:
            yield content._replace(chunks=self._noted(ref, content.chunks))

    def _noted(self, ref: ObjectRef, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._on_bytes(ref, len(chunk))
            yield chunk

    def list(
        self, bucket: str, prefix: str | None, window: Window = ALWAYS, after: str = ""
    ) -> Iterator[Listed]:
        """The objects of a window under a prefix of a bucket, from behind the key `after`.

        No prefix stands for the configured one. Raises ObjectUnavailable.
        """
        prefix = self._settings.prefix if prefix is None else prefix
        return self.s3.list(bucket, prefix, window, after)

    @cached_property
    def s3(self) -> "S3Source":
        """S3, or the service behind the setting `s3_endpoint`."""
        from pipeline.source.s3 import S3Source

        endpoint = self._settings.s3_endpoint
        style = {"addressing_style": "path" if endpoint else "auto"}
        return S3Source(_client("s3", self._settings.region, endpoint, s3=style))


def open_ingest(
    settings: Settings,
    store: Store,
    sources: Sources | None = None,
    on_lines: Callable[[int], None] = lambda count: None,
) -> "Ingest":
    """An ingest into a store under its settings, which reads from `sources`; `on_lines` is told of
    the lines that were just read. Raises OtherSettings if the process was given others."""
    from pipeline.ingest.ingest import Ingest
    from pipeline.ingest.parsed import Reading
    from pipeline.ingest.reader import Reader
    from pipeline.tally.naming import Admission
    from pipeline.tally.native.library import is_native
    from pipeline.tally.visitors import Visitors

    settings = settings.obeying(store.agree())
    reading = Reading(
        settings.configured,
        settings.limits,
        Visitors(store.visitor_key()),
        settings.caps,
        workers=min(MOST_WORKERS, _processors()),
        native=is_native(settings.engine),
        on_lines=on_lines,
    )
    reader = Reader(
        sources or Sources(settings),
        reading,
        settings.site_pattern,
        settings.sampling_rates,
        settings.site_by,
        Admission(partial(store.admit, most=settings.max_sites), settings.max_sites),
    )
    return Ingest(reader, store)


def _processors() -> int:
    """The processors that this process may use."""
    tells = hasattr(os, "sched_getaffinity")  # macOS does not
    return len(os.sched_getaffinity(0)) if tells else os.cpu_count() or 1


def open_queue(url: str, settings: Settings, **config: Any) -> "Queue":
    """The queue of log objects behind a URL. `config` is botocore's, where it is not the usual."""
    from pipeline.source.queue import Queue

    return Queue(_client("sqs", settings.region, settings.sqs_endpoint, **config), url)


def open_service(
    settings: Settings, store: Store, on_failure: Callable[[EdgetallyError], None]
) -> Service:
    """The service over a store, as the settings say. `on_failure` is called with the error of a
    cache or a queue that cannot be used."""
    queues = {"queue": settings.queue_url, "dead_letters": settings.dead_letter_queue_url}
    return serve_from(
        store,
        lambda: datetime.now(UTC),
        on_failure,
        ttl_seconds=settings.cache_ttl_seconds,
        lookback_hours=settings.lookback_hours,
        retention_days=settings.retention_days,
        caps=settings.caps,
        depths={name: partial(_depth, url, settings) for name, url in queues.items() if url},
    )


def _depth(url: str, settings: Settings) -> Depth:
    return open_queue(url, settings, **_ONE_FIGURE).depth()


def open_aws(settings: Settings) -> "Calls":
    """The AWS account that botocore finds credentials for, seen from the configured region."""
    from pipeline.delivery.calls import Calls

    return Calls(partial(_client, endpoint=None), settings.region)
