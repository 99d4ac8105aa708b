"""Evaluate an expression in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.engine.expressions import Limits, compile_expression

NOW_MS = 1_700_000_000_123


def evaluate(source: str, bindings: Mapping[str, Any] | None = None, *, seed: str = "w/1", **limits: int) -> Any:
    """Return the result of `{% source %}`."""
    expression = compile_expression(f"{{% {source} %}}")
    return expression.evaluate(bindings or {}, now_ms=NOW_MS, seed=seed, limits=Limits(**limits))
