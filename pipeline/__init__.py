"""edgetally: CloudFront access logs into an always-current, exact traffic summary."""

__version__ = "0.1.0"
