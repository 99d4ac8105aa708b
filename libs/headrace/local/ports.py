"""Which ports the stack listens on: the usual one when it is free, else one that the kernel picks."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def choose_port(preferred: int | None, *, taken: frozenset[int] = frozenset()) -> int:
    """`preferred` when nobody listens there and it is not in `taken`, otherwise any free port."""
    if preferred is not None and preferred not in taken and _is_free(preferred):
        return preferred
    while True:
        port = _any_free()
        if port not in taken:
            return port


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of a server that has just ended linger in TIME_WAIT; they must not make its port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _any_free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
