"""A workflow as a graph: needs, conditions, a fan-out that tolerates failures, and retries."""
