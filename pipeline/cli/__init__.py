"""The command line: the same pipeline on a laptop."""
