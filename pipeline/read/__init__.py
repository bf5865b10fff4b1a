"""Bytes → records: inflate, blocks of lines, layout, columns."""
