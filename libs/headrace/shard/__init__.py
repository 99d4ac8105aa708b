"""The shard runtime: one partition of a journal, its owner, and everybody who reads it. Start with README.md."""
