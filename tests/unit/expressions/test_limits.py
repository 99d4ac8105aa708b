"""What never ends, goes too deep, or grows too large is stopped at the same place every time."""

from __future__ import annotations

import threading

import pytest

from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import ExpressionError
from tests.unit.expressions.evaluating import evaluate

LOOPS = "($f := function($n) {$f($n + 1)}; $f(1))"
RECURSIONS = [
    "($f := function($n) {1 + $f($n + 1)}; $f(1))",
    "($f := function($x) {$map([1], function($y) {$f($y)})}; $f(1))",
    "($f := function($x, $z) {$sort([1, 2], function($y, $w) {$f($y, $w)})}; $f(1, 2))",
    "($f := function($x) {$replace('a', /a/, function($m) {$f($m)})}; $f(1))",
    "($f := function($x) {$reduce([1, 2], function($a, $b) {$f($a)})}; $f(1))",
    "($f := function($x) {[1].($f($))}; $f(1))",
    "($f := function($x) {{'a': $f($x)}}; $f(1))",
    "($f := function($x) {[1][$f($x)]}; $f(1))",
    "($f := function($x) {$x ~> $f}; $f(1))",
    "($f := function($x) {$each({'a': 1}, function($v) {$f($v)})}; $f(1))",
    "($f := function($x) {$sift({'a': 1}, function($v) {$f($v)})}; $f(1))",
    "($f := function($x) {[2, 1]^($f($))}; $f(1))",
    "($f := function($x) {-$f($x)}; $f(1))",
]


@pytest.mark.parametrize("source", RECURSIONS)
def test_endless_recursion_stops(source: str) -> None:
    with pytest.raises(BudgetExceeded, match=r"recursion of at most|steps"):
        evaluate(source, steps=200_000)


def test_endless_recursion_fits_into_a_small_stack() -> None:
    """A thread has far less stack than its process; the deepest recursion must not reach its end."""
    failures: list[str] = []

    def run() -> None:
        for source in RECURSIONS:
            try:
                evaluate(source, steps=200_000)
            except BudgetExceeded:
                continue
            failures.append(source)

    before = threading.stack_size(4 * 1024 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert failures == []


def test_recursion_has_room_to_work() -> None:
    assert evaluate("($f := function($n) {$n = 0 ? 0 : 1 + $f($n - 1)}; $f(150))") == 150
    tree = leaf = {"n": 1, "below": []}
    for _ in range(50):
        tree = {"n": 1, "below": [tree, leaf]}
    source = "($f := function($t) {$t.n + $sum($map($t.below, $f))}; $f($input))"
    assert evaluate(source, {"input": tree}) == 101


def test_an_endless_loop_stops() -> None:
    with pytest.raises(BudgetExceeded, match="at most 50000 steps"):
        evaluate(LOOPS, steps=50_000)


@pytest.mark.parametrize(
    "source",
    [
        "[1..10000000]",
        "[1..1000000000000]",
        "$pad('', 1000000000)",
        "$pad('', -1000000000)",
        "($f := function($s) {$f($s & $s)}; $f('xx'))",
        "($f := function($l) {$f($append($l, $l))}; $f([1]))",
        "($f := function($s) {$f($replace($s, /x/, $s))}; $f('xx'))",
        "($f := function($s) {$f($replace($s, 'x', $s))}; $f('xx'))",
        "($f := function($l) {$f($string($l) & $l)}; $f('xx'))",
        "$join($map([1..100000], function($i) {$pad('', 1000)}), '') ~> $length()",
        "($f := function($l, $n) {$n = 0 ? $string($l) : $f([[$l], [$l]], $n - 1)}; $f([1], 40))",
    ],
)
def test_what_grows_too_large_stops(source: str) -> None:
    with pytest.raises(BudgetExceeded, match=r"Expected (texts|lists)"):
        evaluate(source)


@pytest.mark.parametrize(
    "source",
    [
        "$pad('', 2000000)",
        "[1..900000]",
        "($f := function($l, $n) {$n = 0 ? $l : $f([[$l], [$l]], $n - 1)}; $f([1], 40))",
    ],
)
def test_a_result_that_is_too_large_fails_the_task(source: str) -> None:
    with pytest.raises(ExpressionError, match="at most 1048576 bytes"):
        evaluate(source)


def test_a_result_of_exactly_the_limit_works() -> None:
    assert len(evaluate("$pad('', 98)", result_bytes=100)) == 98
    with pytest.raises(ExpressionError):
        evaluate("$pad('', 99)", result_bytes=100)


def test_integers_end_where_doubles_do() -> None:
    with pytest.raises(ExpressionError, match="out of range"):
        evaluate("($f := function($n) {$f($n * $n)}; $f(10))")
