"""Tests of `pipeline.answer`."""
