"""Text to tree: the library's parser, with its two inexact literals put right and every failure made one kind of
error.
"""

from __future__ import annotations

import re
from typing import Any

from headrace.engine.expressions.errors import InvalidExpression
from headrace.engine.expressions.library import JsonataException, Parser
from headrace.engine.expressions.nodes import children
from headrace.engine.expressions.values import NotJson, whole_text

# A page of code; the parser takes time that grows with the square of some constructs.
MAX_SOURCE = 20_000
# The parser handles `a ?: b` and `a ?? b` by visiting `a` twice, so nesting them takes time that doubles with each
# level.
MAX_DEFAULTS = 12
_DEFAULT_OPERATOR = re.compile(r"\?[:?]")
_EXACT_DOUBLE = 1 << 53
_DIGITS = re.compile(r"[0-9]+\Z")


def parse(source: str) -> Any:
    """Return the tree of an expression's text (without the `{%` and `%}`).

    Raises:
        InvalidExpression: the text is no JSONata, or too long; with the column where there is one.
    """
    if len(source) > MAX_SOURCE:
        raise InvalidExpression(
            f"Expected an expression of at most {MAX_SOURCE} characters, but it has {len(source)}", source=source
        )
    if not source.strip():
        raise InvalidExpression("Expected an expression, but there is none", source=source)
    if len(_DEFAULT_OPERATOR.findall(source)) > MAX_DEFAULTS:
        raise InvalidExpression(
            f"Expected at most {MAX_DEFAULTS} of the operators ?: and ?? in one expression", source=source
        )
    try:
        tree = Parser().parse(source)
    except JsonataException as error:
        raise _syntax_error(error, source) from None
    except re.error as error:
        raise InvalidExpression(f"Expected a regular expression, but {error.msg}", source=source) from None
    except RecursionError:
        raise InvalidExpression("Expected an expression that is nested less deeply", source=source) from None
    except Exception as error:
        # The library's parser runs off the text's end in some places (a comment, an escape at the end).
        raise InvalidExpression(f"Expected JSONata, but it ends too early or is malformed: {type(error).__name__}",
                                source=source) from error  # fmt: skip
    _put_literals_right(tree, source)
    return tree


def _syntax_error(error: Any, source: str) -> InvalidExpression:
    text = str(error).rstrip(".")
    return InvalidExpression(f"Expected JSONata, but: {text}", source=source, column=max(int(error.location or 0), 0))


def _put_literals_right(tree: Any, source: str) -> None:
    pending, seen = [tree], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.type == "number" and isinstance(node.value, int) and abs(node.value) >= _EXACT_DOUBLE:
            digits = _DIGITS.search(source[: node.position])
            # Digits at that place that are another number's are those of an exponent: `1e21`.
            if digits and float(digits.group()) == float(abs(node.value)):
                node.value = int(digits.group()) * (1 if node.value > 0 else -1)
            else:
                node.value = float(node.value)
        elif node.type == "string" or (node.type == "name" and isinstance(node.value, str)):
            try:
                node.value = whole_text(node.value)
            except NotJson as error:
                raise InvalidExpression(str(error), source=source, column=node.position) from None
        pending.extend(children(node))
