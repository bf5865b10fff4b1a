"""The stations after the bucket: objects have come, and they are counted rightly."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from pipeline.delivery.scene import FIRST_LOGS, LOOKBACK, Scene
from pipeline.delivery.station import Station, broken, ok, unknown, waiting
from pipeline.delivery.watching import Figure
from pipeline.words import number_of

_SETTLING = timedelta(minutes=30)
"""How old an object may be without being in the ledger: the queue gathers, and retries."""


def objects(scene: Scene) -> Iterator[Station]:
    """New objects come where requests are."""
    if not scene.is_named:
        detail = "the objects of real-time logs name no distribution"
        yield unknown("objects", detail, "edgetally objects shows those that were counted")
        return
    newest = max((each.modified for each in scene.listed), default=None)
    if newest:
        yield ok("objects", f"the newest came at {newest:%Y-%m-%d %H:%MZ}")
        return
    if scene.is_new:
        until = scene.since + FIRST_LOGS
        yield waiting("objects", "none yet: AWS takes up to 12 hours for the first", until)
        return
    of = (("DistributionId", scene.name), ("Region", "Global"))
    figure = Figure("AWS/CloudFront", "Requests", "Sum", of, is_global=True)
    requests = scene.watching.figure(figure, scene.now - LOOKBACK, scene.now - timedelta(hours=2))
    if requests:
        yield broken(
            "objects",
            f"{requests:,.0f} requests in the last day, and no object in "
            f"s3://{scene.bucket}/{scene.prefix}",
            f"edgetally detach {scene.name} && edgetally attach {scene.name}; if that changes "
            "nothing in 12 hours, ask AWS",
        )
    else:
        yield waiting("objects", "no requests in the last day, so no logs")


def counted(scene: Scene) -> Iterator[Station]:
    """The objects that came are in the ledger."""
    entries = scene.entries
    settled = [each for each in scene.listed if each.modified < scene.now - _SETTLING]
    missing = [each for each in settled if each.ref.key not in entries]
    failed = [entries[each.ref.key] for each in settled if each.ref.key in entries]
    failed = [each for each in failed if each.state == "failed"]
    if failed:
        yield broken(
            "counted",
            f"{number_of(len(failed), 'object')} could not be counted: {failed[-1].reason}",
            f"edgetally inspect {failed[-1].ref.name} says what it is",
        )
    elif missing:
        yield broken(
            "counted",
            f"{len(missing):,} of {number_of(len(settled), 'object')} never counted, such as "
            f"{missing[-1].ref.name}",
            f"edgetally backfill s3://{scene.bucket}/{scene.prefix} --queue {scene.queue_url}",
        )
    elif settled:
        newest = max(entries[each.ref.key].at for each in settled)
        yield ok(
            "counted",
            f"{number_of(len(settled), 'object')}, the last one {_ago(scene, newest)} ago",
        )


def lines(scene: Scene) -> Iterator[Station]:
    """Most lines of the objects are counted."""
    entries = [each for each in scene.entries.values() if each.state == "committed"]
    records = sum(each.records for each in entries)
    reasons: dict[str, int] = defaultdict(int)
    for entry in entries:
        for reason, number in entry.rejected.items():
            reasons[reason] += number
    rejected = sum(reasons.values())
    if rejected > records:
        foremost = max(reasons, key=lambda reason: reasons[reason])
        yield broken(
            "lines",
            f"{rejected:,} of {rejected + records:,} lines were rejected, most as {foremost}",
            "edgetally inspect OBJECT shows one; are the configured fields those of the delivery?",
        )
    elif entries:
        yield ok("lines", f"{records:,} counted, {rejected:,} rejected")


def site(scene: Scene) -> Iterator[Station]:
    """The objects count for the site that is named like the distribution."""
    committed = (each for each in scene.entries.values() if each.state == "committed")
    sites = {site for each in committed for site in each.sites}
    if sites and scene.stack.parameters.get("SiteBy") == "host":
        yield ok("site", "each host is a site")
    elif sites and scene.name not in sites:
        yield broken(
            "site",
            f"the distribution's objects count for {', '.join(sorted(sites))}",
            f"ask for that site, or mend SitePattern ({scene.stack.parameters.get('SitePattern')})",
        )
    elif sites:
        yield ok("site", scene.name)


def copies(scene: Scene) -> Iterator[Station]:
    """No object is counted under two keys."""
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in scene.ledger.objects(scene.now - LOOKBACK):
        if entry.state == "committed" and scene.name in entry.ref.key:
            keys[entry.ref.key.rpartition("/")[2], entry.ref.etag].add(entry.ref.key)
    doubled = sorted(name for (name, _), places in keys.items() if len(places) > 1)
    if doubled:
        yield broken(
            "copies",
            f"{number_of(len(doubled), 'object')} counted under two prefixes, such as {doubled[0]}",
            "count one prefix only (ExistingPrefix); then edgetally rebuild with --forget",
        )


def _ago(scene: Scene, moment: int) -> str:
    minutes = max(0, int(scene.now.timestamp() - moment)) // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
