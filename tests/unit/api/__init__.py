"""Tests of `pipeline.api`."""
