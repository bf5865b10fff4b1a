"""The functions in Docker on this machine, with `sam local invoke`: nothing of it ships."""
