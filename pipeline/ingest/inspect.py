"""A look at objects before they are counted: what they are, and what would be counted."""

from dataclasses import dataclass, field

from pipeline.errors import ObjectError, fault_of
from pipeline.hours import hour_start
from pipeline.ingest.parse import REMEDIES, parse
from pipeline.ingest.parsed import Parsed
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.read.layout import named


@dataclass(frozen=True, slots=True)
class RejectedLines:
    """The lines rejected for one reason: the number of the first, and what is wrong with them. No
    value of a line is told: it may be a viewer's address."""

    reason: str
    count: int
    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """The nature of a log object. `refused` says why it would not be counted, "" if it would.

    `engine` counted its plain lines: `native`, or `arrow`, which reads all that is no text. `hours`
    are the UTC hours that its lines lie in; `rows` = `records` + what was rejected.
    """

    name: str
    refused: str = ""
    container: str = ""
    format: str = ""
    engine: str = ""
    layout: str = ""
    fields: list[str] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    hours: list[str] = field(default_factory=list)
    rows: int = 0
    records: int = 0
    rejected: list[RejectedLines] = field(default_factory=list)


def inspect(ref: ObjectRef, reader: Reader) -> Inspection:
    """Read an object as `ingest` would, and count nothing."""
    try:
        with reader.source.open(ref) as content:
            naming = reader.naming(ref)
            parsed = parse(content.chunks, content.modified, reader.reading, naming)
    except ObjectError as error:
        return Inspection(ref.name, refused=error.reason)
    except Exception as error:  # as `ingest` has it: the next object is looked at all the same
        return Inspection(ref.name, refused=fault_of(error))
    return Inspection(
        ref.name,
        container=parsed.container,
        format=parsed.format,
        engine=reader.reading.engine if parsed.layouts else "arrow",
        layout=parsed.layout,
        # Of several headers in one object, each name once.
        fields=[*dict.fromkeys(each for one in parsed.layouts for each in named(one.fields))],
        sites=sorted({place.site for place in parsed.rows}),
        hours=[
            hour_start(hour).isoformat().replace("+00:00", "Z")
            for hour, aggregate in sorted(parsed.hours.items())
            if aggregate.totals.requests
        ],
        rows=parsed.records + sum(parsed.rejected.values()),
        records=parsed.records,
        rejected=_rejected(parsed),
    )


def _rejected(parsed: Parsed) -> list[RejectedLines]:
    return [
        RejectedLines(reason, count, parsed.first[reason], REMEDIES[reason])
        for reason, count in parsed.rejected.most_common()
    ]
