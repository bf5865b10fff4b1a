"""The fields of its logs that CloudFront shall deliver."""

import re
from collections.abc import Collection, Sequence

from pipeline.errors import SettingError
from pipeline.schema.fields import CLIENT_IP, CLOCKS, SPELLINGS, spelling

COUNTED, ALL = "counted", "all"
_NAME = re.compile(r"[A-Za-z0-9()-]+")


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


def listed(text: str) -> list[str]:
    """Return the words of a list of fields.

    Raises SettingError for a list that can be right in no account: an empty one, one without a
    time, a word that is no field's name.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if not _NAME.fullmatch(word):
            raise SettingError("--fields", f"{word!r} is no field; write counted, or counted,c-ip")
    if not words:
        raise SettingError("--fields", "is empty; write counted, all, or names as in counted,c-ip")
    names = {spelling(word.lower(), realtime=False) for word in words}
    has_time = any(all(_has(names, part) for part in clock) for clock in CLOCKS)
    if not has_time and not {COUNTED, ALL} & set(words):
        raise SettingError(
            "--fields",
            f"{text!r} has no time in it (date and time, or timestamp), so no line could be "
            "counted; begin with counted, as in counted,c-ip",
        )
    return words


def chosen(text: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that a text names, in the order of `allowed`.

    The words `counted` and `all` stand for several. Raises SettingError for a field that CloudFront
    does not deliver.
    """
    words = listed(text)
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
