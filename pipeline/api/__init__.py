"""The API: a request → its question → the answer in the wanted format."""
