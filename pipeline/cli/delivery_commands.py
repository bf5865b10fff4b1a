"""The commands that turn CloudFront's logs on and off."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.bootstrap import open_aws
from pipeline.cli.console import JsonOption
from pipeline.cli.exits import OK
from pipeline.cli.telling import Teller
from pipeline.deadline import Deadline
from pipeline.delivery.attach import Wish, attach, patiently, plan
from pipeline.delivery.aws import AwsDeliveries
from pipeline.delivery.detach import detaching
from pipeline.delivery.existing import reading
from pipeline.delivery.fields import chosen, listed
from pipeline.delivery.port import Deliveries, DeliveryError, Stack
from pipeline.delivery.printing import cloudformation, terraform
from pipeline.delivery.realtime import steps as realtime_steps
from pipeline.errors import SettingError
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

delivering = typer.Typer()

_PATIENCE = 120.0
"""Seconds for AWS to finish what it is changing already."""


class Format(StrEnum):
    """The formats of a delivery that edgetally reads without being told its fields."""

    w3c = "w3c"
    json = "json"
    parquet = "parquet"


class Printed(StrEnum):
    """The languages of a template."""

    cloudformation = "cloudformation"
    terraform = "terraform"


_PRINTERS: "dict[Printed, Callable[[Wish, str], str]]" = {
    Printed.cloudformation: cloudformation,
    Printed.terraform: terraform,
}

StackOption = Annotated[str, typer.Option("--stack", help="The stack that counts.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what is missing; change nothing.")
]
DetachDryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be deleted; change nothing.")
]
RealtimeOption = Annotated[
    bool,
    typer.Option("--realtime", help="Print the way to its real-time logs; change nothing."),
]
DistributionArgument = Annotated[
    str | None, typer.Argument(help="The distribution's id.", show_default=False)
]
AllOption = Annotated[bool, typer.Option("--all", help="Every distribution of the account.")]
BucketOption = Annotated[
    str | None, typer.Option(help="A bucket that receives logs already.", show_default=False)
]
PrefixOption = Annotated[str, typer.Option(help="Where in that bucket the logs are.")]
FormatOption = Annotated[
    Format, typer.Option("--format", help="Parquet is read fastest, but AWS charges for it.")
]
FieldsOption = Annotated[
    str, typer.Option(help="`counted`, `all`, or names with commas between: `counted,c-ip`.")
]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="End a delivery that is in the way.")
]
PrintOption = Annotated[
    Printed | None, typer.Option("--print", help="Print a template instead.", show_default=False)
]


@delivering.command("attach", epilog="Example: edgetally attach E123ABC456DEF --stack edgetally")
def attach_command(
    distribution: DistributionArgument = None,
    stack: StackOption = "edgetally",
    every: AllOption = False,
    bucket: BucketOption = None,
    prefix: PrefixOption = "",
    form: FormatOption = Format.w3c,
    fields: FieldsOption = "counted",
    replace: ReplaceOption = False,
    printed: PrintOption = None,
    realtime: RealtimeOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Turn a distribution's logs on: CloudFront delivers them to the stack's bucket.

    Nothing of the distribution itself changes. A second run changes nothing. The first logs come
    within 12 hours, later ones within minutes. Exit code 1: AWS refused, and the message names the
    right or rule; 3: several things can be right, and the message has a command for each.
    """
    _check_target(distribution, every, bucket, prefix)
    _check_questions(as_json, yes or dry_run)
    listed(fields)
    cloud = AwsDeliveries(open_aws(load_settings(store="memory://")))
    target = _target(cloud, stack)
    teller = Teller(as_json)
    if bucket is not None:
        teller.end(_read_existing(cloud, target, bucket, prefix, dry_run, yes, teller))
    names = cloud.distributions() if every else [distribution or ""]
    if realtime:
        raise typer.Exit(max(_say_realtime(cloud, target, name, teller) for name in names))
    wanted = chosen(fields, cloud.allowed_fields())
    at = datetime.now(UTC).isoformat(timespec="seconds")
    wishes = [Wish(name, target, form.value, wanted, replace, at) for name in names]
    if printed is not None:
        for wish in wishes:
            print(_PRINTERS[printed](wish, cloud.distribution(wish.distribution).arn), end="")
        return
    teller.end(_attach_all(cloud, wishes, dry_run, yes, teller))


@delivering.command("detach", epilog="Example: edgetally detach E123ABC456DEF")
def detach_command(
    distribution: Annotated[str, typer.Argument(help="The distribution's id.")],
    dry_run: DetachDryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Turn a distribution's logs off: delete what `attach` made. What was delivered stays."""
    _check_id(distribution)
    _check_questions(as_json, yes or dry_run)
    cloud = AwsDeliveries(open_aws(load_settings(store="memory://")))
    teller = Teller(as_json)
    steps = detaching(cloud, distribution)
    if steps:
        teller.steps(distribution, steps)
        if not dry_run:
            _confirm(yes)
            deadline = Deadline.after(_PATIENCE)
            for step in steps:
                patiently(step.make, deadline)
            teller.state(
                distribution, "off", "logs are off; AWS may deliver the last ones for some hours"
            )
    else:
        teller.state(distribution, "unchanged", "nothing of edgetally's delivers its logs")
    teller.end(OK)


def _check_target(distribution: str | None, every: bool, bucket: str | None, prefix: str) -> None:
    """Refuse more or fewer than one target. Raises SettingError."""
    named = {
        "DISTRIBUTION": distribution is not None,
        "--all": every,
        "--bucket": bucket is not None,
    }
    given = [name for name, is_given in named.items() if is_given]
    if not given:
        raise SettingError("DISTRIBUTION", "name one, or say --all or --bucket")
    if len(given) > 1:
        raise SettingError(given[0], f"cannot be combined with {given[1]}")
    if prefix and bucket is None:
        raise SettingError("--prefix", "needs --bucket: it is where in that bucket the logs are")
    if distribution is not None:
        _check_id(distribution)


def _check_questions(as_json: bool, is_answered: bool) -> None:
    """Refuse to ask a program. Raises SettingError."""
    if as_json and not is_answered:
        raise SettingError("--json", "asks nothing; say --yes, or --dry-run, too")


def _check_id(distribution: str) -> None:
    """Refuse a text that can be no distribution's id, before AWS is asked. Raises SettingError."""
    if not re.fullmatch(r"E[A-Z0-9]+", distribution):
        raise SettingError(
            "DISTRIBUTION",
            f"{distribution!r} is no id, such as E123ABC456DEF; aws cloudfront list-distributions "
            "shows the ids",
        )


def _say_realtime(cloud: Deliveries, stack: Stack, distribution: str, teller: Teller) -> int:
    """Print what is left to do for real-time logs, and return the exit code."""
    try:
        print(realtime_steps(cloud, stack, distribution), end="")
    except DeliveryError as error:
        return teller.refused(distribution, error)
    return OK


def _target(cloud: Deliveries, name: str) -> Stack:
    stack = cloud.stack(name)
    if not stack.bucket:
        raise SettingError("--stack", f"{name!r} is no stack of edgetally: it has no LogBucket")
    if not stack.status.endswith("_COMPLETE") or "ROLLBACK" in stack.status:
        raise SettingError("--stack", f"{name!r} is {stack.status}; deploy it first")
    return stack


def _read_existing(
    cloud: Deliveries,
    stack: Stack,
    bucket: str,
    prefix: str,
    dry_run: bool,
    yes: bool,
    teller: Teller,
) -> int:
    """Let the bucket announce its objects to the stack, and return the exit code."""
    try:
        steps = reading(cloud, stack, bucket, prefix)
        teller.steps(bucket, steps)
        if dry_run:
            return OK
        if steps:
            _confirm(yes)
        for step in steps:
            patiently(step.make, Deadline.after(_PATIENCE))
    except DeliveryError as error:
        return teller.refused(bucket, error)
    backfill = (
        f"edgetally backfill s3://{bucket}/{prefix} --queue {stack.outputs['IngestQueueUrl']}"
    )
    teller.state(bucket, "on", f"new objects are counted. What is there already: {backfill}")
    return OK


def _attach_all(
    cloud: Deliveries, wishes: Sequence[Wish], dry_run: bool, yes: bool, teller: Teller
) -> int:
    """Attach what can be attached, and return the exit code of the worst that happened."""
    codes = [OK]
    planned = []
    for wish in wishes:
        try:
            steps = plan(cloud, wish)
        except DeliveryError as error:
            codes.append(teller.refused(wish.distribution, error))
            continue
        if steps:
            teller.steps(wish.distribution, steps)
            planned.append(wish)
        else:
            teller.state(wish.distribution, "unchanged", "its logs are on already")
    if planned and not dry_run:
        _confirm(yes)
        codes += [_attach_one(cloud, wish, teller) for wish in planned]
    return max(codes)


def _attach_one(cloud: Deliveries, wish: Wish, teller: Teller) -> int:
    try:
        attach(cloud, wish, Deadline.after(_PATIENCE))
    except DeliveryError as error:
        return teller.refused(wish.distribution, error)
    status = f"edgetally status {wish.distribution} --stack {wish.stack.name}"
    teller.state(wish.distribution, "on", f"logs are on. The first come within 12 hours: {status}")
    return OK


def _confirm(yes: bool) -> None:
    """Ask whether to go on. Raises SettingError where nobody can be asked."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError("--yes", "nobody can be asked here; say --yes, or --dry-run")
    typer.confirm("Go on?", abort=True)
