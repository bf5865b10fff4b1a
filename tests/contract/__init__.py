"""One suite over every store, and exactness under concurrency."""
