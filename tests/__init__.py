"""Tests: `unit` needs nothing, `contract` DynamoDB Local, `deployed` the embedded AWS."""
