"""The garbage collector of a service that keeps much and makes few cycles."""

from __future__ import annotations

import gc

# Messages and state are trees, which reference counts free; the collector only looks for cycles (coroutines that were
# dropped, exceptions with their frames). With Python's defaults it walks everything young after every 700 objects, a
# tenth of a decision shard's time under load.
_YOUNG = 50_000
_MIDDLE = 20
_OLD = 50


def tune() -> None:
    """Collect more rarely, and never again look at what exists now: modules, schemas and definitions stay anyway."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
