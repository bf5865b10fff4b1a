"""Everything the API serves from."""

from dataclasses import dataclass

from pipeline.core.dimensions import Caps
from pipeline.query.health import Health
from pipeline.query.snapshots import Snapshots
from pipeline.query.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Service:
    """The use cases behind the routes, and what the settings say of the answers: days for which
    hours are kept (0: for ever), values that a table holds, hours in a snapshot."""

    traffic: Traffic
    snapshots: Snapshots
    health: Health
    retention_days: int
    caps: Caps
