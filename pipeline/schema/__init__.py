"""What a log line has, and what is counted of it."""
