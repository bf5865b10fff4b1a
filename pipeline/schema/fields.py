"""The fields of logs: their names in each format, and their order.

The same field is `cs(User-Agent)` in standard logs, `cs-user-agent` in real-time logs,
`cs_user_agent` in Parquet and `user_agent` in Athena's tables. The code knows it by one name.
"""

import re
from collections.abc import Iterable

MILLIS, SECONDS, DATE, TIME = "timestamp_ms", "timestamp", "date", "time"
BYTES_SENT, BYTES_RECEIVED, TIME_TAKEN = "sc_bytes", "cs_bytes", "time_taken"
STATUS, METHOD, PATH = "sc_status", "cs_method", "cs_uri_stem"
EDGE_LOCATION, RESULT_TYPE = "x_edge_location", "x_edge_result_type"
PROTOCOL, VIEWER_HOST, USER_AGENT = "cs_protocol", "viewer_host", "user_agent"
REFERRER, COUNTRY, CACHE_BEHAVIOR = "referrer", "c_country", "cache_behavior"
RESPONSE_RESULT_TYPE, CONTENT_TYPE = "x_edge_response_result_type", "sc_content_type"
DETAILED_RESULT_TYPE = "x_edge_detailed_result_type"
HTTP_VERSION, TLS_VERSION, CLIENT_IP = "cs_protocol_version", "ssl_protocol", "c_ip"
FIRST_BYTE, ORIGIN_FIRST_BYTE, ORIGIN_LAST_BYTE = "time_to_first_byte", "origin_fbl", "origin_lbl"

DISTRIBUTION = "distribution"

CLOCKS = ((MILLIS,), (DATE, TIME), (SECONDS,))
"""The fields that tell a line's time, the most precise first."""


DISTRIBUTION_DOMAIN = "cs(host)"


def normalised(name: str) -> str:
    """The name in lower case, with `_` between its words: `cs(User-Agent)` is `cs_user_agent`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _spelled(name: str, *others: str) -> tuple[str, ...]:
    return (normalised(name), *others)


SPELLINGS: dict[str, tuple[str, ...]] = {
    MILLIS: _spelled("timestamp(ms)"),
    SECONDS: _spelled("timestamp"),
    DATE: _spelled("date"),
    TIME: _spelled("time"),
    BYTES_SENT: _spelled("sc-bytes", "bytes"),
    BYTES_RECEIVED: _spelled("cs-bytes", "request_bytes"),
    TIME_TAKEN: _spelled("time-taken"),
    STATUS: _spelled("sc-status", "status"),
    METHOD: _spelled("cs-method", "method"),
    PATH: _spelled("cs-uri-stem", "uri"),
    EDGE_LOCATION: _spelled("x-edge-location", "location"),
    RESULT_TYPE: _spelled("x-edge-result-type", "result_type"),
    PROTOCOL: _spelled("cs-protocol", "request_protocol"),
    VIEWER_HOST: _spelled("cs-host", "x_host_header", "host_header"),
    USER_AGENT: _spelled("cs(User-Agent)", "user_agent"),
    REFERRER: _spelled("cs(Referer)", "cs_referrer", "referrer", "referer"),
    RESPONSE_RESULT_TYPE: _spelled("x-edge-response-result-type", "response_result_type"),
    DETAILED_RESULT_TYPE: _spelled("x-edge-detailed-result-type", "detailed_result_type"),
    CONTENT_TYPE: _spelled("sc-content-type"),
    HTTP_VERSION: _spelled("cs-protocol-version", "http_version"),
    TLS_VERSION: _spelled("ssl-protocol"),
    COUNTRY: _spelled("c-country"),
    CACHE_BEHAVIOR: _spelled("cache-behavior-path-pattern"),
    CLIENT_IP: _spelled("c-ip", "request_ip"),
    FIRST_BYTE: _spelled("time-to-first-byte"),
    ORIGIN_FIRST_BYTE: _spelled("origin-fbl"),
    ORIGIN_LAST_BYTE: _spelled("origin-lbl"),
    DISTRIBUTION: _spelled("primary-distribution-id", "distributionid", "distribution_id"),
}
"""Every field that edgetally reads, with its names in normal form, the one to prefer first: those
of CloudFront, then those of Athena's tables."""


def spelling(name: str, *, realtime: bool) -> str:
    """The normal form of a logged name; `cs(host)` for the distribution's domain.

    `cs_host` may be either host. Real-time logs have the viewer's in `cs-host` and the
    distribution's domain in `x-host-header`. Standard logs have the viewer's in `x-host-header`
    and the distribution's domain in `cs(Host)`, which Parquet calls `cs_host`.
    """
    if normalised(name) != "cs_host" or name.lower() == "cs-host":
        return normalised(name)
    return "cs_host" if realtime and name.lower() != DISTRIBUTION_DOMAIN else DISTRIBUTION_DOMAIN


def is_realtime(names: Iterable[str]) -> bool:
    """Whether these are names of a real-time log: its lines have a `timestamp` and no date."""
    known = set(map(normalised, names))
    return SECONDS in known and DATE not in known


STANDARD = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header "
    "cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher "
    "x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port "
    "time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start "
    "sc-range-end distribution-tenant-id connection-id"
)
"""The fields of standard logs, in order. They were only ever added at the end:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html"""

STANDARD_COUNTS = (12, 15, 18, 19, 23, 24, 26, 33, 35)
"""The numbers of standard fields that objects of some time have."""

REALTIME = (
    "timestamp sc-status sc-bytes cs-method cs-uri-stem cs-uri-query cs-protocol "
    "cs-protocol-version sc-content-type sc-content-len cs-user-agent cs-referer x-edge-location "
    "x-edge-result-type x-edge-response-result-type x-edge-request-id time-taken "
    "time-to-first-byte sc-range-start sc-range-end ssl-protocol ssl-cipher cs-accept "
    "cs-accept-encoding cs-host origin-fbl origin-lbl"
)
"""The 27 fields of a header-less real-time object, in the project's default order."""

CANONICAL = (
    "timestamp c-ip s-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host "
    "cs-uri-stem cs-bytes x-edge-location x-edge-request-id x-host-header time-taken "
    "cs-protocol-version c-ip-version cs-user-agent cs-referer cs-cookie cs-uri-query "
    "x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher x-edge-result-type "
    "fle-encrypted-fields fle-status sc-content-type sc-content-len sc-range-start sc-range-end "
    "c-port x-edge-detailed-result-type c-country cs-accept-encoding cs-accept "
    "cache-behavior-path-pattern cs-headers cs-header-names cs-headers-count "
    "primary-distribution-id primary-distribution-dns-name origin-fbl origin-lbl asn "
    "cmcd-encoded-bitrate cmcd-buffer-length cmcd-buffer-starvation cmcd-content-id "
    "cmcd-object-duration cmcd-deadline cmcd-measured-throughput cmcd-next-object-request "
    "cmcd-next-range-request cmcd-object-type cmcd-playback-rate "
    "cmcd-requested-maximum-throughput cmcd-streaming-format cmcd-session-id cmcd-stream-type "
    "cmcd-startup cmcd-top-bitrate cmcd-version r-host sr-reason x-edge-mqcs "
    "distribution-tenant-id connection-id viewer-request-log-data viewer-response-log-data"
)
"""The order in which CloudFront delivers real-time fields, whatever order a configuration lists:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html"""


def canonical_sets() -> dict[int, tuple[str, ...]]:
    """The fields that were all fields at some time, in canonical order, by their number."""
    every = tuple(CANONICAL.split())
    early = every[:2] + every[3:41]  # s-ip was inserted later
    origins = every[43:46]
    mqar = every[64:67]
    sets = (
        early,
        early + origins,
        every[:2] + every[3:46],
        every[:46],
        every[:46] + mqar,
        every[:64],
        every[:67],
        every[:69],
        every,
    )
    return {len(fields): fields for fields in sets}


_OTHERS = (
    "DistributionId cs-referrer host query_string cookie request_id xforwarded_for c-port "
    "x-forwarded-for year month day hour"
)
KNOWN_NAMES = frozenset(
    {
        *(normalised(name) for name in f"{STANDARD} {REALTIME} {CANONICAL} {_OTHERS}".split()),
        *(name for names in SPELLINGS.values() for name in names),
    }
)
"""Every name of a field that logs are known to have, counted or not, in normal form."""
