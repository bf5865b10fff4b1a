"""The next step after an error of AWS or of its library."""

_CREDENTIALS = (
    "run `aws configure` or `aws sso login`, name a profile in AWS_PROFILE, or run where a role is"
)
_EXPIRED = "log in again (`aws sso login`), or renew the session's credentials"
_REGION = "are AWS_REGION (or EDGETALLY_REGION) and the endpoint right, and is there a network?"

_REMEDIES = {
    "NoCredentialsError": _CREDENTIALS,
    "PartialCredentialsError": _CREDENTIALS,
    "CredentialRetrievalError": _CREDENTIALS,
    "ProfileNotFound": "name another in AWS_PROFILE; `aws configure list-profiles` has them all",
    "NoRegionError": "set AWS_REGION",
    "SSOTokenLoadError": _EXPIRED,
    "UnauthorizedSSOTokenError": _EXPIRED,
    "TokenRetrievalError": _EXPIRED,
    "LoginRefreshRequired": _EXPIRED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": "is this machine's clock right?",
    "RequestTimeTooSkewed": "is this machine's clock right?",
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "EndpointConnectionError": _REGION,
    "ConnectTimeoutError": _REGION,
}


def next_step(error: Exception) -> str:
    """The end of a message about an error of botocore: a semicolon and the next step; "" if there
    is none to name.

    Errors are known by their names, so that botocore need not be there:
    https://docs.aws.amazon.com/general/latest/gr/error-handling.html
    """
    response = getattr(error, "response", None) or {}
    code = response.get("Error", {}).get("Code", "")
    remedy = _REMEDIES.get(code) or _REMEDIES.get(type(error).__name__)
    return f"; {remedy}" if remedy else ""
