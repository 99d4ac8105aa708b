"""Triggers: a workflow for every record of a topic."""
