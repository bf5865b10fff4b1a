"""Records → hours."""
