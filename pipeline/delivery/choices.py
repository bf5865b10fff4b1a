"""Choices that are left to people: several things can be right, and each is a command."""

from collections.abc import Sequence

from pipeline.delivery.port import DeliveryError, Destination, Distribution, Stack


class Choice(DeliveryError):
    """Nothing was changed, because several things can be right: `options` are commands, each with
    what it does."""

    def __init__(self, reason: str, options: Sequence[tuple[str, str]]) -> None:
        lines = [f"{reason}. Choose:"] + [f"  {command}\n      {does}" for command, does in options]
        super().__init__("\n".join(lines))
        self.reason = reason
        self.options = tuple(options)


def legacy_choice(distribution: Distribution, stack: Stack) -> Choice:
    """Return the choice where legacy logging is on: a second delivery would count twice."""
    bucket, _, prefix = distribution.legacy.partition("/")
    if bucket == stack.bucket:
        reason = f"{distribution.id} delivers to {bucket} already, by legacy standard logging"
        keep = (
            f"edgetally status {distribution.id}",
            "keeps it: these logs are counted as they are",
        )
    else:
        reason = f"{distribution.id} has legacy standard logging on, to {distribution.legacy}"
        keep = (reading_command(bucket, prefix), "keeps it, and counts what it delivers")
    off = (
        f"aws cloudfront get-distribution-config --id {distribution.id}",
        "shows the configuration: turn Logging off in it, or in the template that makes the "
        f"distribution; then run edgetally attach {distribution.id} again",
    )
    doubled = "With a second delivery beside it every request would be counted twice"
    return Choice(f"{reason}. {doubled}", [keep, off])


def delivery_choice(
    distribution: Distribution, stack: Stack, other: Destination, reason: str
) -> Choice:
    """Return the choice where AWS takes no second delivery beside somebody else's."""
    bucket, _, prefix = other.path.partition("/")
    place = f"s3://{other.path}" if bucket else f"another account ({other.arn})"
    keep = (
        reading_command(bucket, prefix),
        "leaves that delivery alone, and counts what it delivers",
    )
    replace = (
        f"edgetally attach {distribution.id} --replace",
        f"ends that delivery: from then on logs come to {stack.bucket} only, and the "
        "requests of some minutes may be in no log",
    )
    return Choice(
        f"{distribution.id} has a delivery to {place} already, and AWS takes no second one to S3 "
        f"({reason})",
        [keep, replace] if bucket else [replace],
    )


def reading_command(bucket: str, prefix: str) -> str:
    """Return the command that counts a bucket that receives logs already."""
    return f"edgetally attach --bucket {bucket} --prefix '{prefix}'"
