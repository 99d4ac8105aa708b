from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from headrace.local.errors import LocalStackError
from headrace.local.ports import LOOPBACK, choose_port, require_free


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield int(server.getsockname()[1])


def _free() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def test_the_usual_port_is_taken_when_it_is_free() -> None:
    port = _free()
    assert choose_port(port) == port


def test_another_one_is_taken_when_somebody_listens(listening: int) -> None:
    assert choose_port(listening) != listening


def test_a_port_that_was_named_must_be_free(listening: int) -> None:
    with pytest.raises(LocalStackError, match=rf"{listening} \(--kafka-port\)"):
        require_free(listening, "--kafka-port")


def test_a_choice_is_not_made_twice_not_even_by_another_process() -> None:
    port = _free()
    assert choose_port(port) == port
    assert choose_port(port) != port
    code = f"from headrace.local.ports import choose_port; print(choose_port({port}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(result.stdout) != port
