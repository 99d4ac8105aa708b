"""Expressions: JSONata in `{% ... %}`, without a clock, chance, or surprises about lists. See the README."""

from headrace.engine.expressions.analysis import GRAPH_VARIABLES
from headrace.engine.expressions.errors import ExpressionError, InvalidExpression
from headrace.engine.expressions.expression import Expression, compile_expression, compile_source, is_expression
from headrace.engine.expressions.limits import DEFAULT_LIMITS, Limits
from headrace.engine.expressions.scope import Scope
from headrace.engine.expressions.template import Template, compile_template, evaluate_template

__all__ = [
    "DEFAULT_LIMITS",
    "GRAPH_VARIABLES",
    "Expression",
    "ExpressionError",
    "InvalidExpression",
    "Limits",
    "Scope",
    "Template",
    "compile_expression",
    "compile_source",
    "compile_template",
    "evaluate_template",
    "is_expression",
]
