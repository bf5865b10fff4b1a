"""The exit codes, and the one place where an error becomes a message and a code."""

from pipeline.cli.console import complain, err
from pipeline.errors import EdgetallyError, SettingError

OK, FAILED, USAGE, CHOICE, BUG = 0, 1, 2, 3, 4


def exit_code(error: Exception) -> int:
    """Print an error for people and return its exit code.

    2 for an option or a setting, 1 for what edgetally or the system refuses, 4 for a bug, which
    alone comes with a trace and the request to report it. (3 is a command's own: something is to
    be chosen.)
    """
    if isinstance(error, EdgetallyError):
        complain(f"edgetally: {error}")
        return USAGE if isinstance(error, SettingError) else FAILED
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        complain(f"edgetally: {named}{error.strerror or error}")
        return FAILED
    complain("edgetally: a bug; please report it with the lines below")
    err.print_exception()
    return BUG
