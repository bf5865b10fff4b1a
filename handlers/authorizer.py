"""The function that lets requests into the API, or not.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
"""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.secret import credentials

logger = Logger(service="authorizer")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A policy for every route of the stage: it allows them, or denies them (403) to a secret whose
    time is over; API Gateway answers 401 to the exception."""
    header = str(event.get("authorizationToken") or "")
    standing = credentials().standing(header, datetime.now(UTC))
    if standing == "unknown":
        # The one message that API Gateway turns into a 401 instead of a 500.
        raise Exception("Unauthorized")  # noqa: TRY002 - the gateway looks at the message alone
    api, stage = str(event["methodArn"]).split("/")[:2]
    return {
        "principalId": "edgetally",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if standing == "open" else "Deny",
                    # The gateway caches this answer by the header alone, for all routes: it must
                    # say the same of each. Methods that a route does not have, the API refuses.
                    "Resource": f"{api}/{stage}/*",
                }
            ],
        },
    }
