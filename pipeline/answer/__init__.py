"""A question → its answer, from day and hour rows."""
