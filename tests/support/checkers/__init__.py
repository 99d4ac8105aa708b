"""Checkers of what a run has left in the topics: plain code apart from the engine and from the shards' runtime.

Each checker returns problems as texts, none when all is well, so that one run shows all of them. They read records
(`headrace.shard.ports.Record`), wherever those come from: Kafka after chaos, or the log in memory after a simulation.
"""
