"""What may fail."""

from itertools import count

_calls = count(1)


def flaky(value: int) -> int:
    """Fail when it is first called."""
    if next(_calls) == 1:
        raise ConnectionError("not yet")
    return value + 1
