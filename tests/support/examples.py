"""How many examples a property is tried with."""

from hypothesis import settings


def examples(count: int) -> settings:
    """`count` of them, and fewer where the profile in use (`quick`) wants fewer than is usual.

    A number in the test itself would win against the profile.
    """
    usual = settings.get_profile("edgetally").max_examples
    return settings(max_examples=min(count, max(1, count * settings().max_examples // usual)))
