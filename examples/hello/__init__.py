"""A workflow in Python."""
