"""Evaluations share nothing and change nothing; simple paths agree with the evaluator."""

from __future__ import annotations

import copy
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import ExpressionError, Scope, compile_expression, compile_source
from tests.unit.expressions.evaluating import evaluate

LEAVES = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=3)
NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)


@given(value=VALUES, path=st.lists(NAMES, max_size=4))
def test_simple_paths_agree_with_the_evaluator(value: Any, path: list[str]) -> None:
    source = ".".join(["$input", *path])
    simple = compile_source(source)
    slow = compile_source(f"({source})")
    assert simple._simple is not None  # noqa: SLF001
    assert slow._simple is None  # noqa: SLF001
    outcomes = []
    for expression in (simple, slow):
        try:
            outcomes.append(("value", expression.evaluate({"input": value}, now_ms=0, seed="")))
        except ExpressionError as error:
            outcomes.append(("error", error.message))
    assert outcomes[0] == outcomes[1]


@given(value=VALUES)
def test_inputs_are_never_changed(value: Any) -> None:
    before = copy.deepcopy(value)
    scope = Scope({"input": value})
    for source in (
        "$input{$string(a): b}",
        "$input ~> |**|{'z': 1}, ['a']|",
        "$append($input, 1)",
        "$sort($keys($input))",
        "$input.**",
        "$merge([$input, {'a': 9}])",
        "$reverse($input)",
        "($input[0]; $input)",
    ):
        try:
            compile_source(source).evaluate(scope, now_ms=0, seed="")
        except ExpressionError:
            continue
    assert value == before
    assert compile_source("($input)").evaluate(scope, now_ms=0, seed="") == before


def test_a_name_given_to_a_function_does_not_leak() -> None:
    def error() -> str:
        with pytest.raises(ExpressionError) as caught:
            evaluate("$uppercase([1])")
        return str(caught.value)

    before = error()
    assert evaluate("($mine := $uppercase; $mine('a'))") == "A"
    assert error() == before and "uppercase" in before


def test_variables_do_not_leak() -> None:
    assert evaluate("($x := 1; $x)") == 1
    source = "(false ? ($x := 1) : 0; $x)"
    with pytest.raises(ExpressionError, match="undefined"):
        evaluate(source)


def test_errors_tell_the_same_every_time() -> None:
    texts = set()
    for _ in range(3):
        for source in ("1 + 'a'", "$map([1], 1)", "$f()", "{1: 2}", "$sort([1, 'a'])", "(function($x) {$x}) + 1"):
            try:
                compile_source(source, None).evaluate({}, now_ms=0, seed="")
            except ExpressionError as error:
                texts.add(str(error))
    assert len(texts) == 6
    assert not any("0x" in text for text in texts)


def test_threads_do_not_disturb_each_other() -> None:
    expression = compile_expression(
        "{% $sum($map($input, function($v) {$v * $count($input)})) + $round($random()) * 0 %}"
    )
    wrong = []

    def work(size: int) -> None:
        for _ in range(30):
            result = expression.evaluate({"input": list(range(size))}, now_ms=size, seed="s")
            if result != sum(range(size)) * size:
                wrong.append((size, result))

    threads = [threading.Thread(target=work, args=(size,)) for size in (3, 10, 30, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_recursion_limit_is_left_alone() -> None:
    before = sys.getrecursionlimit()
    assert evaluate("($f := function($n) {$n = 0 ? 0 : 1 + $f($n - 1)}; $f(100))") == 100
    with pytest.raises(BudgetExceeded):
        evaluate("($f := function($n) {1 + $f($n)}; $f(1))")
    assert sys.getrecursionlimit() == before


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExpressionError):
        evaluate("$input()", {"input": 1})
    assert capsys.readouterr() == ("", "")
