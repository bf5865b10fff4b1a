"""`make demo`: the real template on an embedded AWS, fed with generated traffic."""
