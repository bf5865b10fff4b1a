"""Measurements, and the requests they are made on."""
