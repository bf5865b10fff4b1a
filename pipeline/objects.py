"""A log object: what it is called, and whose it is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

DEFAULT_SITE = "default"


_HIVE_NAME = re.compile(r"(?:^|/)distributionid=([A-Z0-9]+)/", re.IGNORECASE)


_STANDARD_NAME = re.compile(r"(?:^|/)([A-Z0-9]+)\.\d{4}-\d{2}-\d{2}-\d{2}\.[0-9A-Za-z]+(?:\.|$)")


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One log object as delivered. A local file has bucket "", its absolute path as key and its
    content hash as etag; `etag` is "" where an event did not say."""

    bucket: str
    key: str
    etag: str = ""
    version_id: str = ""
    sequencer: str = ""
    size: int = 0

    @property
    def id(self) -> str:
        """The ledger's key: the same for every delivery of the same bucket and key."""
        return sha256(f"{self.bucket}/{self.key}".encode()).hexdigest()

    @property
    def name(self) -> str:
        """How people call it: s3://bucket/key, or the path."""
        return f"s3://{self.bucket}/{self.key}" if self.bucket else self.key


def newest_first(refs: Iterable[ObjectRef]) -> dict[str, list[ObjectRef]]:
    """The different events of each key, by the key's id. The order is that of S3's sequencers, the
    largest first; events without one keep their order."""
    events: dict[str, list[ObjectRef]] = {}
    for ref in dict.fromkeys(refs):
        events.setdefault(ref.id, []).append(ref)
    for of_key in events.values():
        digits = max(len(ref.sequencer) for ref in of_key)
        of_key.sort(key=lambda ref: ref.sequencer.upper().ljust(digits, "0"), reverse=True)
    return events


def site_of(key: str, pattern: re.Pattern[str] | None) -> str:
    """The distribution an object belongs to.

    From a standard log's file name (`<distribution>.YYYY-MM-DD-HH.<id>.gz`) or its Hive folder
    (`DistributionId=<distribution>/`), else the group `site` of the configured pattern, else
    `default`.
    """
    if named := _STANDARD_NAME.search(key) or _HIVE_NAME.search(key):
        return named[1]
    if pattern and (found := pattern.search(key)) and (site := found["site"]):
        return site
    return DEFAULT_SITE
