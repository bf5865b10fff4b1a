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
    """The use cases behind the routes, the clock that they go by, and what the settings say of the
    answers: days for which hours are kept (0: for ever), values that a table holds."""

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
    """What is served from a store. `on_failure` hears of a cache or a queue that cannot be used;
    `depths` are of the queues before the store, by their names."""
    answers = Answers(store, ttl_seconds, clock, on_failure)
    return Service(
        Traffic(store, answers, clock, caps),
        Snapshots(store, answers, lookback_hours, clock, caps),
        Health(store, answers, clock, depths or {}),
        clock,
        retention_days,
        caps,
    )
