"""Fixtures for all tests: see tests/support."""

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.support.servers"]

# A slow machine is no defect: examples have no deadline of their own, only the test's.
settings.register_profile("headrace", deadline=None)
settings.load_profile("headrace")

# Tests that run all services, each a process or two: never two of them at once.
_WHOLE_SYSTEM = {"chaos", "stack"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests stay together in one process of `make test`: those of a file, and all of the whole system."""
    root = config.rootpath / "tests"
    for item in items:
        parts = Path(item.path).relative_to(root).parts
        group = "whole-system" if parts[0] in _WHOLE_SYSTEM else "-".join(parts)
        item.add_marker(pytest.mark.xdist_group(group))
