"""Stored rows → answers: what was asked for, read as one moment, kept as long as it is true."""
