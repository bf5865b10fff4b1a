"""Tests of `pipeline.read`."""
