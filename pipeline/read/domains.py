"""Plausible values of every field that CloudFront logs: what tells one layout from another.

A wrong list of fields silently shifts every column. So a column must look like itself, whether it
is counted or not.
"""

import re

from pipeline.schema.fields import normalised

_NUMBER = r"[0-9]{1,15}"
_SECONDS = r"[0-9]{1,8}(\.[0-9]{1,9})?"
_ADDRESS = r"(?=[^\t]*[.:])[0-9A-Fa-f:.]{2,45}"
_HOST = r"[^/?#\s\t,;|]{1,255}"
_WORD = r"[A-Z][A-Za-z]{2,40}"
_ID = r"[\w+/=-]+"
_DISTRIBUTION = r"[A-Z0-9]{5,20}"

_PATTERNS = {
    "timestamp": r"(1[2-9]|[2-9][0-9])[0-9]{8}(\.[0-9]+)?|1[2-9][0-9]{11}",
    "timestamp(ms)": r"(1[2-9]|[2-9][0-9])[0-9]{11}",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "time": r"[0-9]{2}:[0-9]{2}:[0-9]{2}",
    "x-edge-location": r"[A-Z]{3}[0-9]{1,4}(-[A-Z]{1,2}[0-9]{1,4})?",
    "sc-bytes cs-bytes sc-content-len cs-headers-count": _NUMBER,
    "sc-range-start sc-range-end fle-encrypted-fields asn": _NUMBER,
    "c-port": r"[0-9]{1,5}",
    "time-taken time-to-first-byte origin-fbl origin-lbl": _SECONDS,
    "c-ip s-ip": _ADDRESS,
    "c-ip-version": r"IPv[46]",
    "c-country": r"[A-Z]{2}",
    "sc-status": r"[0-9]{3}",
    "cs-method": r"[A-Z][A-Z_-]{1,30}",
    "cs-protocol": r"https?|wss?|grpcs?",
    "cs-protocol-version": r"HTTP/[0-9](\.[0-9])?",
    "cs-uri-stem": r"[/*][^\t]*|https?:[^\t]*|[^/\s]+\.[A-Za-z]\w{1,8}",
    "cs(Host) x-host-header r-host primary-distribution-dns-name": _HOST,
    "sc-content-type": r"[\w.+*-]+/[\w.+*-]+([;,%][^\t]*)?",
    "ssl-protocol": r"(TLS|SSL)v[0-9.]+",
    "ssl-cipher": r"[A-Z0-9_-]{6,60}",
    "fle-status": r"[A-Z][A-Za-z]{4,60}",
    "x-edge-result-type x-edge-response-result-type x-edge-detailed-result-type": _WORD,
    "x-edge-request-id distribution-tenant-id connection-id": _ID,
    "DistributionId primary-distribution-id": _DISTRIBUTION,
}

DOMAINS = {
    normalised(name): re.compile(pattern)
    for names, pattern in _PATTERNS.items()
    for name in names.split()
}
"""The pattern of a field's values, by its name in normal form. Any field may also be empty."""

CLOCKS = frozenset(normalised(name) for name in ("timestamp", "timestamp(ms)", "date", "time"))
"""The fields that are never empty."""
