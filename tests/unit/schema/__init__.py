"""Tests of `pipeline.schema`."""
