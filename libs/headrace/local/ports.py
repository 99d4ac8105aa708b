"""Which ports the stack listens on: the usual one when it is free, else one that the kernel picks.

Between the choice and the moment when a server listens there lie seconds, in which a second stack must not choose the
same port. So a choice is reserved until this process ends: by an abstract unix socket named after the port, which
only one process can bind, and which needs no file that somebody would have to clean up.
"""

from __future__ import annotations

import socket
import sys

from headrace.local.errors import LocalStackError

LOOPBACK = "127.0.0.1"

_reservations: list[socket.socket] = []


def choose_port(preferred: int | None = None) -> int:
    """`preferred` when nobody has it, otherwise any free port. It is ours until this process ends."""
    if preferred is not None and _is_free(preferred) and _reserve(preferred):
        return preferred
    while True:
        port = _any_free()
        if _reserve(port):
            return port


def require_free(port: int, flag: str) -> None:
    """Who names a port means that one. Raises LocalStackError when somebody listens there."""
    if not _is_free(port):
        raise LocalStackError(
            f"Expected port {port} ({flag}) to be free, but somebody listens there. "
            f"Name another one, or leave {flag} away for any free port."
        )


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


def _reserve(port: int) -> bool:
    if sys.platform != "linux":
        return True  # No abstract sockets there: two stacks that start in the same second may collide.
    reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        reservation.bind(f"\0headrace-port-{port}")
    except OSError:
        reservation.close()
        return False
    _reservations.append(reservation)
    return True
