"""PURE: events to row changes. Nothing here knows Kafka or Postgres."""
