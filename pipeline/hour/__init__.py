"""The values that an hour of a site holds. They merge."""
