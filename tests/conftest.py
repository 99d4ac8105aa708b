"""Fixtures for all tests: see tests/support."""

pytest_plugins = ["tests.support.servers"]
