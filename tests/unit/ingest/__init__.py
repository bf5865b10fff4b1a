"""Tests of `pipeline.ingest`."""
