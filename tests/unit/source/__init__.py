"""Tests of `pipeline.source`."""
