"""The outside world behind the ports: stores and sources of objects."""
