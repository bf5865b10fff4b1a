"""What an hour of a site holds: values that merge."""
