"""The errors edgetally raises on purpose; each carries what it is about and says what to do."""

import traceback

UNDECODABLE = (ValueError, RecursionError)
"""What decoding JSON of unknown origin raises: errors of msgspec and json are ValueErrors, so are
bytes that are not UTF-8, and brackets may be nested deeper than the stack."""


class EdgetallyError(Exception):
    """Anything edgetally refuses or could not do. The message is meant for the user."""


class SettingError(EdgetallyError):
    """A setting is missing or wrong.

    `name` is the environment variable or option, `reason` what is wrong with it.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class ObjectError(EdgetallyError):
    """One log object could not be counted; nothing of it was."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ObjectRefused(ObjectError):
    """The bytes of the object are not what they should be; trying again gives the same answer."""


class ObjectUnavailable(ObjectError):
    """The object could not be read (gone, overwritten, no permission, a broken connection)."""


class ObjectGone(ObjectUnavailable):
    """The announced object is no longer there; trying again gives the same answer."""


class StoreError(EdgetallyError):
    """The store could not be read or written; nothing was half written, and a retry is safe."""


class OtherSettings(StoreError):
    """A process was `given` another value of a setting than the store was written with."""

    def __init__(self, name: str, given: str | int, kept: str | int) -> None:
        super().__init__(
            f"setting {name} is {given!r}, and the store was written with {kept!r}; leave it out, "
            f"or change the store: edgetally settings {name}={given}"
        )
        self.name = name
        self.given = given
        self.kept = kept


class CommitRefused(StoreError):
    """The counts to commit cannot be stored; trying again gives the same answer."""


class CorruptRow(StoreError):
    """A stored aggregate cannot be decoded. It is never overwritten.

    `row` names the row, `reason` says what is wrong with its bytes.
    """

    def __init__(self, row: str, reason: str) -> None:
        super().__init__(
            f"stored row {row} cannot be read: {reason}; restore it from a backup "
            "(point-in-time recovery), or upgrade edgetally if a newer one wrote it"
        )
        self.row = row
        self.reason = reason


class QueueError(EdgetallyError):
    """The queue at `url` could not be used, for `reason`. Announcing twice is harmless."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"queue {url}: {reason}")
        self.url = url
        self.reason = reason


def fault_of(error: Exception) -> str:
    """A bug in words that people can report: the kind of the error and the place that raised it.

    Never its message, which may quote a line of a log.
    """
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" in {place[0].name}, line {place[0].lineno}" if place else ""
    return f"a bug in edgetally, please report it: {type(error).__name__}{where}"
