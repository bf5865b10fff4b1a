"""Tests of `pipeline.tally`."""
