"""`headrace dev` as a child that does not come up: the caller hears why."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.local.dev_child import running_dev
from headrace.local.errors import LocalStackError


def test_what_dev_says_before_it_ends_reaches_the_caller(tmp_path: Path) -> None:
    said: list[str] = []
    environment = {"HEADRACE_LOCAL_DURABILITY": "hope"}
    with (
        pytest.raises(LocalStackError, match="Expected headrace dev to run, but it ended") as caught,
        running_dev(tmp_path / "state", environment=environment, say=said.append),
    ):
        pass
    assert "durability" in str(caught.value)
    assert any("durability" in line for line in said)
