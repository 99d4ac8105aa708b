"""Fixtures for all tests: see tests/support."""

from hypothesis import settings

pytest_plugins = ["tests.support.servers"]

# A slow machine is no defect: examples have no deadline of their own, only the test's.
settings.register_profile("headrace", deadline=None)
settings.load_profile("headrace")
