"""The Lambda functions: an event in, one call, a response out."""
