"""The fields of a log line, and the dimensions that are counted of it."""
