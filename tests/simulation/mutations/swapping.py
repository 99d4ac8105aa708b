"""Put something else in the place of a function, a method or an entry of a table, for as long as a context lasts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any


@contextmanager
def swapped(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Replace an attribute of a class or module by what `make` makes of it."""
    original = owner.__dict__[name]
    setattr(owner, name, make(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextmanager
def swapped_entry(table: dict[Any, Any], key: Any, value: Any) -> Iterator[None]:
    """Replace an entry of a table."""
    original = table[key]
    table[key] = value
    try:
        yield
    finally:
        table[key] = original


@contextmanager
def swapped_everywhere(original: Callable[..., Any], replacement: Callable[..., Any]) -> Iterator[None]:
    """Replace a function in every module of headrace that has imported it."""
    name = original.__name__
    modules = [
        module
        for path, module in list(sys.modules.items())
        if path.startswith("headrace") and getattr(module, name, None) is original
    ]
    for module in modules:
        setattr(module, name, replacement)
    try:
        yield
    finally:
        for module in modules:
            setattr(module, name, original)


@contextmanager
def together(*contexts: AbstractContextManager[None]) -> Iterator[None]:
    """Enter several contexts as one."""
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield
