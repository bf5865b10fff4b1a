"""The settings, from the environment (`EDGETALLY_…`); the only module that reads it."""

import re

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.core.errors import SettingError
from pipeline.core.formats import REALTIME_FIELDS, realtime_layout
from pipeline.core.limits import Limits

PREFIX = "EDGETALLY_"
_LIMITS = Limits()
_MISSING = {
    "store": "is not set; set it (or give --store), e.g. sqlite:///edgetally.db",
    "api_secret": "is not set; set it to the ARN of the API's secret",
}


class Settings(BaseSettings):
    """Every setting with its default. `store` has none: it must be given."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    store: str = ""
    """`sqlite:///file.db`, `sqlite:////absolute/file.db`, `dynamodb://table` or `memory://`."""
    region: str = Field(
        "eu-west-2", validation_alias=AliasChoices("EDGETALLY_REGION", "AWS_REGION")
    )
    prefix: str = "cloudfront-realtime/"
    """Where `s3://bucket` without a prefix is looked through."""
    lookback_hours: int = Field(24, ge=1, le=24 * 400)
    """The window of the snapshot: the current UTC hour and those before it."""
    cache_ttl_seconds: int = Field(300, ge=0, le=86_400)
    realtime_fields: str = REALTIME_FIELDS
    """The fields of objects without a header, in order, separated by commas or spaces."""
    site_pattern: re.Pattern[str] | None = None
    """A regular expression with a group `site`, searched in the keys of objects whose name is
    not a standard log's."""
    api_secret: str = ""
    """The ARN of the secret that opens the API; the authorizer's only setting."""
    s3_endpoint: str | None = None
    """Another S3 than AWS's, for local runs."""
    shards: int = Field(1, ge=1, le=64)
    retention_days: int = Field(0, ge=0, le=3650)
    """Days after which hours are deleted; 0 keeps them for ever."""
    max_inflated_bytes: int = Field(_LIMITS.max_inflated, ge=1)
    max_inflate_ratio: int = Field(_LIMITS.max_ratio, ge=1)
    max_line_bytes: int = Field(_LIMITS.max_line, ge=1024, le=4 << 20)
    max_hours: int = Field(_LIMITS.max_hours, ge=1, le=5000)

    @field_validator("realtime_fields")
    @classmethod
    def _has_a_clock(cls, fields: str) -> str:
        layout = realtime_layout(fields)
        if not layout.clock:
            raise ValueError("no time field in it (timestamp, timestamp(ms), or date and time)")
        return fields

    @field_validator("site_pattern")
    @classmethod
    def _names_the_site(cls, pattern: re.Pattern[str] | None) -> re.Pattern[str] | None:
        if pattern is not None and "site" not in pattern.groupindex:
            raise ValueError("no group named site in it, such as (?P<site>[A-Z0-9]+)")
        return pattern

    @property
    def limits(self) -> Limits:
        """What one object may cost to read."""
        return Limits(
            max_inflated=self.max_inflated_bytes,
            max_ratio=self.max_inflate_ratio,
            max_line=self.max_line_bytes,
            max_hours=self.max_hours,
        )


def load_settings(*, require: str = "store", **given: str | None) -> Settings:
    """The settings of this process; what is `given` replaces the environment's.

    Raises SettingError that names the first variable that is missing or wrong.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise SettingError(PREFIX + name.removeprefix(PREFIX), first["msg"]) from error
    settings = settings.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    if not getattr(settings, require):
        raise SettingError(PREFIX + require.upper(), _MISSING[require])
    return settings
