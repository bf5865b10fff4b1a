"""The names of log fields: what CloudFront calls them in each format, and in which order.

The same field is spelled `cs(User-Agent)` in standard logs, `cs-user-agent` in real-time logs and
`cs_user_agent` in Parquet. The code knows it by one name, the last part of this module's tables.
"""

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

CLOCKS = ((MILLIS,), (DATE, TIME), (SECONDS,))
"""The fields that tell a line's time, the most precise first."""


def _spelled(name: str) -> tuple[str, str]:
    return name, name.replace("-", "_")


SPELLINGS: dict[str, tuple[str, ...]] = {
    MILLIS: ("timestamp(ms)", "timestamp_ms"),
    SECONDS: ("timestamp",),
    DATE: ("date",),
    TIME: ("time",),
    BYTES_SENT: _spelled("sc-bytes"),
    BYTES_RECEIVED: _spelled("cs-bytes"),
    TIME_TAKEN: _spelled("time-taken"),
    STATUS: _spelled("sc-status"),
    METHOD: _spelled("cs-method"),
    PATH: _spelled("cs-uri-stem"),
    EDGE_LOCATION: _spelled("x-edge-location"),
    RESULT_TYPE: _spelled("x-edge-result-type"),
    PROTOCOL: _spelled("cs-protocol"),
    # The host the viewer asked for. Real-time logs have it in cs-host and the distribution's
    # domain in x-host-header; standard logs have it in x-host-header, and the distribution's
    # domain in cs(Host), which Parquet calls cs_host.
    VIEWER_HOST: ("cs-host", "x-host-header", "x_host_header"),
    USER_AGENT: ("cs(user-agent)", "cs-user-agent", "cs_user_agent"),
    REFERRER: ("cs(referer)", "cs-referer", "cs_referer"),
    RESPONSE_RESULT_TYPE: _spelled("x-edge-response-result-type"),
    DETAILED_RESULT_TYPE: _spelled("x-edge-detailed-result-type"),
    CONTENT_TYPE: _spelled("sc-content-type"),
    HTTP_VERSION: _spelled("cs-protocol-version"),
    TLS_VERSION: _spelled("ssl-protocol"),
    COUNTRY: _spelled("c-country"),
    CACHE_BEHAVIOR: _spelled("cache-behavior-path-pattern"),
    CLIENT_IP: _spelled("c-ip"),
    FIRST_BYTE: _spelled("time-to-first-byte"),
    ORIGIN_FIRST_BYTE: _spelled("origin-fbl"),
    ORIGIN_LAST_BYTE: _spelled("origin-lbl"),
}
"""Every field that edgetally reads, with its spellings in lower case, the one to prefer first."""

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
"""How many of them an object of each era has."""

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
    "distribution-tenant-id connection-id"
)
"""The order in which CloudFront delivers real-time fields, whatever order a configuration lists:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html"""


def canonical_sets() -> dict[int, tuple[str, ...]]:
    """What "all fields" has meant over the years, by the number of fields, in canonical order."""
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
        every,
    )
    return {len(fields): fields for fields in sets}
