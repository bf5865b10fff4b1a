"""`python -m tests.faults`, which is `make chaos`."""

from tests.faults.chaos import main

main()
