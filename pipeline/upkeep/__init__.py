"""Audit, rebuild, archive, backfill."""
