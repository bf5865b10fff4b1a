"""The program `edgetally`, which `python -m pipeline` is too."""

import sys


def main() -> int:
    """Run the command line. Ctrl-C while its modules are read ends it as later on."""
    try:
        from pipeline.cli.app import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("edgetally: interrupted\n")
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
