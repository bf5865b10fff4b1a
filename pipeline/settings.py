"""The settings of this process, validated."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.environment import PREFIX, required, variable
from pipeline.errors import SettingError
from pipeline.read.layout import Layout, listed_layout
from pipeline.read.limits import Limits
from pipeline.schema.dimensions import MAX_PATHS, MAX_VALUES, Caps, caps
from pipeline.schema.fields import REALTIME
from pipeline.store.settings import MAX_SITES, NAMES, Given, StoreSettings

_LIMITS = Limits()


class Settings(BaseModel):
    """Every setting with its default. `store` has none."""

    model_config = ConfigDict(frozen=True)

    store: str = ""
    """`sqlite:///file.db`, `sqlite:////absolute/file.db`, `dynamodb://table` or `memory://`."""
    region: str = "eu-west-2"
    """The AWS region, `AWS_REGION` if it is not set."""
    prefix: str = "cloudfront-realtime/"
    """The prefix that `s3://bucket` stands for."""
    lookback_hours: int = Field(24, ge=1, le=24 * 400)
    """The window of the snapshot: the current UTC hour and those before it."""
    cache_ttl_seconds: int = Field(300, ge=0, le=86_400)
    realtime_fields: str = REALTIME
    """The fields of real-time objects, in order, separated by commas or spaces."""
    plain_fields: str = ""
    """The fields of v2 objects in the format plain, which have no header."""
    site_pattern: re.Pattern[str] | None = None
    """A regular expression with a group `site`. It is searched in the keys of objects that have
    no standard log's name."""
    site_by: Literal["key", "distribution", "host"] = "key"
    """The name of a line's site: that in the key of its object, the distribution that the line
    names, or its host."""
    max_sites: int = Field(MAX_SITES, ge=1, le=1000)
    """Sites that lines may name; the others are `(other)` together."""
    sampling: str = ""
    """Sampling rates of real-time logs: `prefix=percent`, separated by commas."""
    api_secret: str = ""
    """The ARN of the secret that opens the API. The authorizer needs no other setting."""
    s3_endpoint: str | None = None
    """The URL of another S3, for local runs."""
    sqs_endpoint: str | None = None
    """The URL of another SQS, for local runs."""
    secrets_endpoint: str | None = None
    """The URL of another Secrets Manager, for local runs."""
    bucket: str = ""
    """The bucket that the scheduled audit lists."""
    existing_bucket: str = ""
    """Another bucket whose objects are counted, which the scheduled audit lists, too."""
    existing_prefix: str = ""
    """Where in that bucket the logs are."""
    queue_url: str = ""
    """The queue of log objects: its depth is a part of the API's health, and the ingest announces
    objects there again that it had no time to open."""
    dead_letter_queue_url: str = ""
    """The URL of the queue of objects that could not be counted, likewise."""
    cors_origins: str = ""
    """Origins whose pages may read the API, separated by commas; none by default."""
    audit_hours: int = Field(48, ge=1, le=600)
    """Hours that the scheduled audit looks back. The ledger's index covers 600 and a margin."""
    shards: int = Field(1, ge=1, le=64)
    """Over how many rows of a table each hour is spread."""
    retention_days: int = Field(0, ge=0, le=3650)
    """Whole days after which hours are deleted; 0 keeps them."""
    ledger_days: int = Field(0, ge=0, le=3650)
    """Days for which the ledger remembers an object after its last line; 0 is for ever."""
    engine: Literal["auto", "native", "arrow"] = "auto"
    """The engine that counts plain lines. `auto` is the kernel where it is built, else Arrow."""
    max_inflated_bytes: int = Field(_LIMITS.max_inflated, ge=1)
    max_inflate_ratio: int = Field(_LIMITS.max_ratio, ge=1)
    max_line_bytes: int = Field(_LIMITS.max_line, ge=1024, le=4 << 20)
    max_hours: int = Field(_LIMITS.max_hours, ge=1, le=5000)
    max_parquet_bytes: int = Field(_LIMITS.max_parquet, ge=1)
    max_paths: int = Field(MAX_PATHS, ge=10, le=5000)
    """Paths that an hour's table holds. Beyond them it has the heavy hitters, with a bound."""
    max_values: int = Field(MAX_VALUES, ge=10, le=1000)
    """The same for every other dimension."""

    @field_validator("realtime_fields", "plain_fields")
    @classmethod
    def _has_a_clock(cls, fields: str) -> str:
        if fields and not listed_layout(fields, "").has_clock:
            raise ValueError("no time field in it (timestamp, timestamp(ms), or date and time)")
        return fields

    @field_validator("site_pattern")
    @classmethod
    def _names_the_site(cls, pattern: re.Pattern[str] | None) -> re.Pattern[str] | None:
        if pattern is not None and "site" not in pattern.groupindex:
            raise ValueError("no group named site in it, such as (?P<site>[A-Z0-9]+)")
        return pattern

    @field_validator("sampling")
    @classmethod
    def _are_rates(cls, rates: str) -> str:
        _rates(rates)
        return rates

    @property
    def given(self) -> Given:
        """The settings of a store that this process was given, by name."""
        texts = {
            "site_pattern": self.site_pattern.pattern if self.site_pattern else "",
            "realtime_fields": _listed(self.realtime_fields),
            "plain_fields": _listed(self.plain_fields),
        }
        return {
            name: texts.get(name, getattr(self, name))
            for name in NAMES
            if name in self.model_fields_set
        }

    def obeying(self, kept: StoreSettings) -> "Settings":
        """These settings with those of a store in place of what this process was given."""
        pattern = re.compile(kept.site_pattern) if kept.site_pattern else None
        return self.model_copy(update={**kept.given(), "site_pattern": pattern})

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may read the API."""
        return tuple(filter(None, map(str.strip, self.cors_origins.split(","))))

    @property
    def sampling_rates(self) -> dict[str, int]:
        """The percentage of requests that the logs hold, by prefix of their keys."""
        return _rates(self.sampling)

    @property
    def limits(self) -> Limits:
        """The limits of what one object may cost to read."""
        return Limits(
            max_inflated=self.max_inflated_bytes,
            max_ratio=self.max_inflate_ratio,
            max_line=self.max_line_bytes,
            max_hours=self.max_hours,
            max_parquet=self.max_parquet_bytes,
        )

    @property
    def caps(self) -> Caps:
        """How many values the table of each dimension holds."""
        return caps(self.max_paths, self.max_values)

    @property
    def configured(self) -> tuple[Layout, ...]:
        """The layouts of objects without a header that the settings name."""
        lists = {
            f"the fields of {PREFIX}REALTIME_FIELDS": self.realtime_fields,
            f"the fields of {PREFIX}PLAIN_FIELDS": self.plain_fields,
        }
        if self.realtime_fields == REALTIME:  # the default is a candidate without being set
            lists.pop(f"the fields of {PREFIX}REALTIME_FIELDS")
        return tuple(listed_layout(fields, source) for source, fields in lists.items() if fields)


def _listed(fields: str) -> str:
    return " ".join(fields.replace(",", " ").split())


def _rates(text: str) -> dict[str, int]:
    rates: dict[str, int] = {}
    for each in filter(None, text.split(",")):
        prefix, _, percent = each.strip().rpartition("=")
        if not percent.isdecimal() or not 1 <= int(percent) <= 100:
            raise ValueError(f"{each!r} is no prefix=percent, with a whole percentage of 1 to 100")
        rates[prefix] = int(percent)
    return rates


def parse_given(texts: Mapping[str, str]) -> Given:
    """Settings of a store from texts, by name. Raises SettingError."""
    settings = _validated(
        {name: text or None if name == "site_pattern" else text for name, text in texts.items()}
    )
    return {name: settings.given[name] for name in texts}


def load_settings(*, require: str = "store", **given: str | None) -> Settings:
    """The settings of this process. A value that is `given` replaces the environment's.

    Raises SettingError, which names the first variable that is missing or wrong.
    """
    texts = {name: variable(name) for name in Settings.model_fields}
    settings = _validated({name: text for name, text in texts.items() if text is not None})
    settings = settings.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    required(require, getattr(settings, require))
    return settings


def _validated(values: Mapping[str, str | None]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        own = first.get("ctx", {}).get("error")  # a ValueError of a validator here
        reason = str(own) if own else f"{first['input']!r}: {first['msg']}"
        raise SettingError(PREFIX + str(first["loc"][0]).upper(), reason) from error
