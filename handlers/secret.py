"""The secret that opens the API, as Secrets Manager keeps it.

Somebody waits for its reader, so this imports little: botocore's client as it is, and no package
that validates settings.
"""

import time
from functools import cache, lru_cache
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.api.credentials import SECRET_SECONDS, Credentials
from pipeline.environment import required, variable
from pipeline.errors import SettingError


def credentials() -> Credentials:
    """The credentials of the API, not older than SECRET_SECONDS. Raises SettingError."""
    arn = required("api_secret", variable("api_secret"))
    return Credentials.of(_text(arn, int(time.monotonic() // SECRET_SECONDS)))


@lru_cache(maxsize=1)
def _text(arn: str, period: int) -> str:
    """The text of the secret, read once in a period."""
    try:
        return str(_client().get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise SettingError("EDGETALLY_API_SECRET", f"it cannot be read: {error}") from error


@cache
def _client() -> Any:
    return botocore.session.Session().create_client(
        "secretsmanager", region_name=variable("region"), endpoint_url=variable("secrets_endpoint")
    )
