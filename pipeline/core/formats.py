"""Which column of a log line is what: a layout, from a `#Fields` header or from configuration."""

from dataclasses import dataclass

from pipeline.core.dimensions import DIMENSIONS

REALTIME_FIELDS = (
    "timestamp sc-status sc-bytes cs-method cs-uri-stem cs-uri-query cs-protocol "
    "cs-protocol-version sc-content-type sc-content-len cs-user-agent cs-referer x-edge-location "
    "x-edge-result-type x-edge-response-result-type x-edge-request-id time-taken "
    "time-to-first-byte sc-range-start sc-range-end ssl-protocol ssl-cipher cs-accept "
    "cs-accept-encoding cs-host origin-fbl origin-lbl"
)
"""The 27 fields of a header-less real-time object, in the project's default order."""

BYTES_SENT, BYTES_RECEIVED, TIME_TAKEN = "sc-bytes", "cs-bytes", "time-taken"
MEASURES = (BYTES_SENT, BYTES_RECEIVED, TIME_TAKEN)

MILLIS, SECONDS, DATE, TIME = "timestamp(ms)", "timestamp", "date", "time"
_CLOCKS = ((MILLIS,), (DATE, TIME), (SECONDS,))


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of a line in order, as named in the log. `source` says where they came from."""

    fields: tuple[str, ...]
    source: str

    @property
    def clock(self) -> tuple[str, ...]:
        """The fields that tell a line's time; empty when the layout has none."""
        return next((clock for clock in _CLOCKS if set(clock) <= set(self.fields)), ())

    @property
    def wanted(self) -> dict[str, int]:
        """The fields edgetally reads, with their positions."""
        names = {*self.clock, *MEASURES, *(each.field for each in DIMENSIONS.values())}
        return {name: self.fields.index(name) for name in self.fields if name in names}

    @property
    def needed(self) -> int:
        """How many leading fields a line must have to be counted."""
        return max(self.wanted.values()) + 1


def realtime_layout(fields: str = REALTIME_FIELDS) -> Layout:
    """The layout of header-less objects, from names separated by commas or white space."""
    return Layout(tuple(fields.replace(",", " ").split()), "the configured real-time fields")


def header_layout(line: bytes) -> Layout | None:
    """The layout a `#` line declares, None for any other directive or comment.

    Names are split on any white space: a TAB-separated header is seen in the wild.
    """
    words = line.decode("utf-8", "replace").split()
    if not words or words[0].lower() != "#fields:":
        return None
    return Layout(tuple(words[1:]), "its #Fields header")
