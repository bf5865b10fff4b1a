"""Log objects -> outcomes: read, tallied, committed once."""
