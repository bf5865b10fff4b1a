"""Records -> hours."""
