"""Tests of `pipeline.hour`."""
