"""What several tests share: the oracle, log lines, and the real servers."""
