"""Schedules: when a workflow is to be started by itself, and what has come of it. Pure, like all of the engine."""
