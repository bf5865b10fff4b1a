"""Turning real-time logs on: what a person deploys and sets, for it changes the distribution.

Real-time logs go by Kinesis and Firehose, which `template-realtime.yaml` makes as a second stack.
"""

from pipeline.delivery.attach import source_of
from pipeline.delivery.choices import Choice
from pipeline.delivery.port import Deliveries, Destinations, Distribution, Stack
from pipeline.errors import SettingError

CONFIG, PARAMETERS = "RealtimeLogConfigArn", "StackParameters"
"""The outputs of the second stack."""


def steps(cloud: Deliveries, stack: Stack, name: str) -> str:
    """Return what is left to do until a distribution's real-time logs are counted, as text.

    Raises Choice where standard logs of the distribution are counted already, and CloudError.
    """
    distribution = cloud.distribution(name)
    _check_alone(cloud, stack, distribution)
    second = f"{stack.name}-realtime"
    try:
        realtime = cloud.stack(second)
    except SettingError:  # it is not deployed yet
        return _DEPLOY.format(name=second, bucket=stack.bucket, distribution=distribution.id)
    config, told = realtime.outputs[CONFIG], realtime.outputs[PARAMETERS]
    if config in distribution.realtime:
        return _KNOWN.format(distribution=distribution.id, stack=stack.name, told=told)
    return _SET.format(distribution=distribution.id, config=config, stack=stack.name, told=told)


def _check_alone(cloud: Deliveries, stack: Stack, distribution: Distribution) -> None:
    """Raise Choice if standard logs come to the bucket: every request would be counted twice."""
    again = "then run the same edgetally attach again"
    source = source_of(cloud.sources(), distribution)
    destinations = Destinations(cloud.destinations())
    delivered = [
        each
        for each in cloud.deliveries()
        if source and each.source == source.name and each.kind == "S3"
        if destinations[each.destination].bucket == stack.bucket
    ]
    if delivered:
        off = (f"edgetally detach {distribution.id}", f"turns the standard logs off; {again}")
    elif distribution.legacy.partition("/")[0] == stack.bucket:
        off = (
            f"aws cloudfront get-distribution-config --id {distribution.id}",
            f"shows the configuration: turn Logging off in it, {again}",
        )
    else:
        return
    keep = (
        f"edgetally status {distribution.id}",
        "keeps the standard logs, which are counted as they are",
    )
    raise Choice(
        f"{distribution.id} delivers standard logs to the same bucket: with real-time logs beside "
        "them every request would be counted twice",
        [keep, off],
    )


_DEPLOY = """\
# Real-time logs cost about $11 a month before the first request, and something for every line.
# 1. Make their way into {bucket}:
sam deploy --template-file template-realtime.yaml --stack-name {name} \\
    --capabilities CAPABILITY_IAM --parameter-overrides LogBucket={bucket}
# 2. Hear what is left to do:
edgetally attach {distribution} --realtime
"""
_SET = """\
# 1. Let the stack know the fields and the sampling, for the lines have no header:
sam deploy --stack-name {stack} --parameter-overrides "{told}"
# 2. Set this at every cache behavior of {distribution}, where the distribution is made:
#    RealtimeLogConfigArn: {config}
# 3. See that they are counted:
edgetally status {distribution} --stack {stack}
"""
_KNOWN = """\
# {distribution} has these real-time logs on. The stack must know their fields and sampling:
sam deploy --stack-name {stack} --parameter-overrides "{told}"
edgetally status {distribution} --stack {stack}
"""
