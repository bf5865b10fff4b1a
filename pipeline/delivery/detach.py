"""Turning a distribution's logs off: what `attach` made is deleted, what was delivered stays."""

from functools import partial

from pipeline.delivery.attach import Step, source_of
from pipeline.delivery.port import TAG, Deliveries


def detaching(cloud: Deliveries, distribution: str) -> list[Step]:
    """Return the deletions that undo `attach`, in order; none if nothing of its own is there.

    Raises CloudError.
    """
    source = source_of(cloud.sources(), cloud.distribution(distribution))
    if source is None:
        return []
    deliveries = cloud.deliveries()
    ended = [each for each in deliveries if each.source == source.name and TAG in each.tags]
    left = [each for each in deliveries if each not in ended]
    steps = [
        Step(f"delivery {each.id}: ended", partial(cloud.delete_delivery, each.id))
        for each in ended
    ]
    if TAG in source.tags and not any(each.source == source.name for each in left):
        delete = partial(cloud.delete_source, source.name)
        steps.append(Step(f"source {source.name}: deleted", delete))
    used = {each.destination for each in left}
    for destination in cloud.destinations():
        was_ours = any(each.destination == destination.arn for each in ended)
        if was_ours and TAG in destination.tags and destination.arn not in used:
            delete = partial(cloud.delete_destination, destination.name)
            steps.append(Step(f"destination {destination.name}: deleted", delete))
    return steps
