"""`make local` and `make local-test`: the functions in Docker, on parts of this machine."""

import json
import os
import shlex
import signal
import sys
import time
from typing import Any

from demo.stack import StackError
from local.parts import build, docker, expected, invoked, lines, running


def main() -> int:
    """Run the parts until Ctrl-C, or with `test` run every line and compare the responses."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        docker("version")
        print("building for this machine's processor")
        build()
        with running() as aws:
            if sys.argv[1:] == ["test"]:
                return _test()
            print(f"S3, SQS and Secrets Manager: {aws.endpoint}; these run until Ctrl-C:\n")
            for line in lines():
                print(shlex.join(line))
            signal.pause()
    except KeyboardInterrupt:
        print("everything is taken down")
    except StackError as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


def _test() -> int:
    failed = 0
    for line in lines():
        began = time.monotonic()
        found = invoked(line)
        wrong = difference(expected(line), found)
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok':7}{time.monotonic() - began:5.1f} s  {line[5]}")
        if wrong:
            print(f"       {wrong}\n       {json.dumps(found)[:2000]}", flush=True)
    print(f"{len(lines()) - failed} passed, {failed} failed")
    return int(failed > 0)


def difference(wanted: Any, found: Any, place: str = "response") -> str:
    """The first value that is not as wanted, "" if there is none. An object may have more keys
    than are wanted, a list no more elements; a text that holds JSON is compared as JSON."""
    if isinstance(found, str) and isinstance(wanted, dict):
        found = json.loads(found)
    if isinstance(wanted, dict) and isinstance(found, dict):
        each = (
            difference(value, found.get(key), f"{place}.{key}") for key, value in wanted.items()
        )
        return next(filter(None, each), "")
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return next(filter(None, (difference(*pair, f"{place}[{n}]") for n, pair in pairs)), "")
    return "" if wanted == found else f"{place} is {found!r}, and should be {wanted!r}"


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
