"""`python -m pipeline` is the same as `edgetally`."""

from pipeline.cli.app import main

if __name__ == "__main__":
    raise SystemExit(main())
