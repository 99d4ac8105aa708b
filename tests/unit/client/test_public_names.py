"""`import headrace`: cheap, and every public name is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import headrace


@pytest.mark.parametrize("name", headrace.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(headrace, name) is not None
    assert name in dir(headrace)


def test_a_name_that_is_not_there_is_said_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'headrace' has no attribute 'nonsense'"):
        _ = headrace.nonsense


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, headrace; print(sorted(n for n in sys.modules if n.startswith('headrace') or 'kafka' in n))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['headrace']\n"
