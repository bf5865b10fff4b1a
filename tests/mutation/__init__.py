"""A seeded sample of small changes of the code. A test must notice each: `make mutants`."""
