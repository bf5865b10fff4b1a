"""The doctor: the whole way from a distribution to its counted hours, station by station."""

from collections.abc import Callable, Iterator

from pipeline.delivery import checks_counting, checks_delivery, checks_ingest
from pipeline.delivery.port import CloudError
from pipeline.delivery.scene import Scene
from pipeline.delivery.station import Station, unknown

Check = Callable[[Scene], Iterator[Station]]

_BEFORE_THE_WAY: tuple[Check, ...] = (checks_delivery.stack, checks_delivery.distribution)
_THE_WAY: tuple[Check, ...] = (
    checks_delivery.logging,
    checks_delivery.fields,
    checks_delivery.format_,
    checks_delivery.bucket,
    checks_delivery.key,
    checks_delivery.retention,
    checks_ingest.announcement,
    checks_ingest.queue,
    checks_ingest.trigger,
    checks_ingest.function,
    checks_ingest.dead_letters,
)
_WHAT_COMES: tuple[Check, ...] = (
    checks_counting.objects,
    checks_counting.counted,
    checks_counting.lines,
    checks_counting.site,
    checks_counting.copies,
)


def examine(scene: Scene) -> list[Station]:
    """Return all stations in the order of the way.

    What comes is not judged behind a broken station: its lack would follow from that.
    """
    stations: list[Station] = []
    for group in (_BEFORE_THE_WAY, _THE_WAY, _WHAT_COMES):
        if any(station.state == "broken" for station in stations):
            stations.append(unknown("the rest", "not looked at: mend what is broken first"))
            return stations
        for check in group:
            stations += _asked(check, scene)
            if stations[-1:] and (stations[-1].name, stations[-1].state) == ("bucket", "broken"):
                break  # a bucket that is gone, or not ours, cannot be asked for more
    return stations


def _asked(check: Check, scene: Scene) -> list[Station]:
    """The stations of one check; unknown if the right to look is missing."""
    try:
        return list(check(scene))
    except CloudError as error:
        name = check.__name__.strip("_").replace("_", " ")
        return [unknown(name, str(error), f"allow {error.operation}")]
