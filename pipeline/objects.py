"""A log object: what it is called, and whose it is."""

import re
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
