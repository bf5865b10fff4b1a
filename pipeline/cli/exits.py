"""The exit codes, and the one place where an error becomes a message and a code."""

from collections.abc import Sequence

from pipeline.cli.console import complain, err
from pipeline.environment import PREFIX
from pipeline.errors import EdgetallyError, SettingError

OK, FAILED, USAGE, CHOICE, BUG = 0, 1, 2, 3, 4
INTERRUPTED, READER_GONE, TERMINATED = 130, 141, 143


def exit_code(error: Exception, typed: Sequence[str] = ()) -> int:
    """Print an error for people and return its exit code. A setting that was `typed` as an option
    or an argument is called by that.

    2 for an option or a setting, 1 for what edgetally or the system refuses, 4 for a bug, which
    alone comes with a trace and the request to report it. (3 is a command's own: something is to
    be chosen.)
    """
    if isinstance(error, EdgetallyError):
        complain(f"edgetally: {_as_typed(error, typed)}")
        return USAGE if isinstance(error, SettingError) else FAILED
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        complain(f"edgetally: {named}{error.strerror or error}")
        return FAILED
    complain("edgetally: a bug; please report it with the lines below")
    err.print_exception()
    return BUG


def _as_typed(error: EdgetallyError, typed: Sequence[str]) -> EdgetallyError:
    if not isinstance(error, SettingError) or not error.name.startswith(PREFIX):
        return error
    name = error.name.removeprefix(PREFIX).lower()
    forms = (f"--{name.replace('_', '-')}", name)  # an option, and an argument of `settings`
    typed_names = {each.partition("=")[0] for each in typed}
    return next((SettingError(form, error.reason) for form in forms if form in typed_names), error)
