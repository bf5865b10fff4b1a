"""What must neither lose nor invent a count: faults of every kind, at every place."""
