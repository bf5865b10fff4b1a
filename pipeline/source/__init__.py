"""Where log objects come from: files, S3, the queue."""
