"""The fields of its logs that CloudFront shall deliver."""

from collections.abc import Collection, Sequence

from pipeline.errors import SettingError
from pipeline.schema.fields import CLIENT_IP, CLOCKS, SPELLINGS, spelling

COUNTED, ALL = "counted", "all"


def counted(allowed: Sequence[str]) -> list[str]:
    """Return the allowed fields that edgetally counts, with one clock and without the address.

    Nothing else that can tell a person (cookies, query strings, addresses) is among them.
    """
    clocks = {name for clock in CLOCKS for name in clock}
    spellings = {spelling(name, realtime=False) for name in allowed}
    clock = next((each for each in CLOCKS if all(_has(spellings, name) for name in each)), ())
    wanted = [name for name in SPELLINGS if name not in clocks | {CLIENT_IP}]
    spelled = {each for name in (*clock, *wanted) for each in SPELLINGS[name]}
    return [name for name in allowed if spelling(name, realtime=False) in spelled]


def chosen(text: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that a text names, in the order of `allowed`.

    The words `counted` and `all` stand for several. Raises SettingError for a field that CloudFront
    does not deliver.
    """
    words = [word for word in text.split(",") if word]
    known = {name.lower(): name for name in allowed}
    wanted: set[str] = set()
    for word in words:
        if word == COUNTED:
            wanted.update(counted(allowed))
        elif word == ALL:
            wanted.update(allowed)
        elif word.lower() in known:
            wanted.add(known[word.lower()])
        else:
            raise SettingError("--fields", f"CloudFront delivers no {word!r}")
    return tuple(name for name in allowed if name in wanted)


def _has(spelled: Collection[str], name: str) -> bool:
    return any(each in spelled for each in SPELLINGS[name])
