"""Tests of turning logs on and off, and of the doctor."""
