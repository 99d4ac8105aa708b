"""The local stack: one Kafka broker, one Postgres and the services as child processes on loopback.

Start with `stack.py` (Kafka and Postgres together) and `dev.py` (everything, for `headrace dev`).
"""
