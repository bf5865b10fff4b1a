"""Everything the API serves from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.answer.cache import Answers
from pipeline.answer.health import Health
from pipeline.answer.snapshot import Snapshots
from pipeline.answer.traffic import Traffic
from pipeline.errors import EdgetallyError
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.source.port import Depth
from pipeline.store.port import Store


@dataclass(frozen=True, slots=True)
class Service:
    """The use cases behind the routes, and their clock. Hours are kept for `retention_days` (0: for
    ever), and `caps` says how many values a table holds."""

    traffic: Traffic
    snapshots: Snapshots
    health: Health
    clock: Callable[[], datetime]
    retention_days: int
    caps: Caps


def serve_from(
    store: Store,
    clock: Callable[[], datetime],
    on_failure: Callable[[EdgetallyError], None],
    *,
    ttl_seconds: int = 300,
    lookback_hours: int = 24,
    retention_days: int = 0,
    caps: Caps = DEFAULT_CAPS,
    depths: Mapping[str, Callable[[], Depth]] | None = None,
) -> Service:
    """The service of a store. `on_failure` is called with the error of a cache or queue that cannot
    be used. `depths` has the depth of each queue before the store, by its name."""
    answers = Answers(store, ttl_seconds, clock, on_failure)
    return Service(
        Traffic(store, answers, clock, caps),
        Snapshots(store, answers, lookback_hours, clock, caps),
        Health(store, answers, clock, depths or {}),
        clock,
        retention_days,
        caps,
    )
