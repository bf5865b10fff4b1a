"""The environment of this process. No other module reads it.

It needs no package: a function that wants one variable does not wait for the package that validates
all of them (`pipeline.settings`).
"""

import os

from pipeline.errors import SettingError

PREFIX = "EDGETALLY_"
TOKEN = f"{PREFIX}TOKEN"
"""The variable with the secret of `edgetally serve`."""
_MISSING = {
    "store": "is not set; set it, or give --store, such as --store sqlite:///edgetally.db",
    "bucket": "is not set; set it to the bucket of the log objects",
    "api_secret": "is not set; set it to the ARN of the API's secret",
}


def variable(name: str) -> str | None:
    """The value of a setting in the environment, None if it has none. An empty value is none."""
    if value := os.environ.get(PREFIX + name.upper()):
        return value
    # AWS's own variable tells the region where ours does not.
    return os.environ.get("AWS_REGION") or None if name == "region" else None


def required(name: str, value: str | None) -> str:
    """The value of a setting. Raises SettingError if there is none."""
    if not value:
        raise SettingError(PREFIX + name.upper(), _MISSING[name])
    return value


def serving_token() -> str | None:
    """The secret of `edgetally serve`: None if it is not set, which is not the same as empty."""
    return os.environ.get(TOKEN)
