"""A list stays a list: whatever its length, wherever it came from; operators still see single values."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.expressions.evaluating import evaluate

ONE = {"input": {"items": [{"name": "a", "n": 1, "kind": "x", "tags": ["t"]}]}}
TWO = {
    "input": {
        "items": [{"name": "a", "n": 1, "kind": "x", "tags": ["t"]}, {"name": "b", "n": 2, "kind": "x", "tags": []}]
    }
}
NONE: dict[str, Any] = {"input": {"items": []}}


@pytest.mark.parametrize(
    ("source", "none", "one", "two"),
    [
        ("$input.items.name", [], ["a"], ["a", "b"]),
        ("$input.items.tags", [], ["t"], ["t"]),
        ("$input.items.(name & '!')", [], ["a!"], ["a!", "b!"]),
        ("$input.items[n < 9].name", [], ["a"], ["a", "b"]),
        ("$input.items[n > 1].name", [], [], ["b"]),
        ("$input.items[n > 5]", [], [], []),
        ("$input.items.[name]", [], [["a"]], [["a"], ["b"]]),
        ("$input.items.{'v': name}", [], [{"v": "a"}], [{"v": "a"}, {"v": "b"}]),
        ("$input.items^(>n).name", [], ["a"], ["b", "a"]),
        ("$input.items#$i.($i)", [], [0], [0, 1]),
        ("$map($input.items, function($i) {$i.name})", [], ["a"], ["a", "b"]),
        ("$input.items ~> $map(function($i) {$i.n})", [], [1], [1, 2]),
        ("$filter($input.items, function($i) {$i.n = 1}).name", [], ["a"], ["a"]),
        ("$reverse($input.items.n)", [], [1], [2, 1]),
        ("$sort($input.items.n)", [], [1], [1, 2]),
        ("$distinct($input.items.kind)", [], ["x"], ["x"]),
        ("$append($input.items.n, [])", [], [1], [1, 2]),
        ("[$input.items.name]", [], ["a"], ["a", "b"]),
        ("{'names': $input.items.name}", {"names": []}, {"names": ["a"]}, {"names": ["a", "b"]}),
        ("($x := $input.items.name; $x)", [], ["a"], ["a", "b"]),
        ("true ? $input.items.name : 0", [], ["a"], ["a", "b"]),
        ("$input.items{kind: name}", {}, {"x": ["a"]}, {"x": ["a", "b"]}),
        ("$input.items{kind: $count(name)}", {}, {"x": 1}, {"x": 2}),
    ],
)
def test_what_comes_out_of_a_list_is_a_list(source: str, none: Any, one: Any, two: Any) -> None:
    assert evaluate(source, NONE) == none
    assert evaluate(source, ONE) == one
    assert evaluate(source, TWO) == two


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$input.items[0].name", "a"),
        ("$input.items[-1].name", "a"),
        ("$input.items[$input.items[0].n - 1].name", "a"),
        ("$input.items[name = 'a'].name & '!'", "a!"),
        ("$input.items[name = 'a'].n * 2", 2),
        ("-$input.items.n", -1),
        ("$input.items.n = 1", True),
        ("$input.items.n = [1]", True),
        ("$input.items.n > 0", True),
        ("$input.items.n in [1, 2]", True),
        ("$uppercase($input.items.name)", "A"),
        ("$exists($input.items[n = 9])", False),
        ("$exists($input.items[n = 1])", True),
        ("$input.items[n = 9].name ?? 'none'", "none"),
        ("$input.items[n = 9] ? 'some' : 'none'", "none"),
        ("$count($input.items[n = 9])", 0),
        ("$sum($input.items.n)", 1),
        ("$join($input.items.name, ',')", "a"),
        ("$string($input.items.name)", "a"),
        ("[1..$input.items.n]", [1]),
        ("$reduce($input.items.n, function($a, $b) {$a + $b})", 1),
        ("$merge($input.items.{name: n})", {"a": 1}),
        ("$single($input.items, function($i) {$i.n = 1}).name", "a"),
    ],
)
def test_operators_and_functions_see_single_values(source: str, expected: Any) -> None:
    assert evaluate(source, ONE) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("[1]", [1]),
        ("[[1]]", [[1]]),
        ("[]", []),
        ("[[]]", [[]]),
        ("[1..1]", [1]),
        ("$keys({'a': 1})", ["a"]),
        ("$spread({'a': 1})", [{"a": 1}]),
        ("$each({'a': 1}, function($v) {$v})", [1]),
        ("$split('a', ',')", ["a"]),
        ("$match('ab', /b/).index", [1]),
        ("$zip([1], [2])", [[1, 2]]),
        ("{'a': [1]}.a", [1]),
        ("{'a': 1}.*", [1]),
        ("[[1], [2, 3]][0]", [1]),
    ],
)
def test_lists_without_any_input(source: str, expected: Any) -> None:
    assert evaluate(source) == expected


@pytest.mark.parametrize("value", [["a"], [], [["a"]], [None], [[]], [{}], {"a": [1]}])
def test_a_value_comes_through_as_it_is(value: Any) -> None:
    tasks = {"list": {"output": value, "status": "SUCCEEDED"}}
    assert evaluate("$tasks.list.output", {"tasks": tasks}) == value
    assert evaluate("($tasks.list.output)", {"tasks": tasks}) == value
    assert evaluate("{'v': $tasks.list.output}", {"tasks": tasks}) == {"v": value}
    assert evaluate("[$tasks.list.output, 1][0] = 1", {"tasks": tasks}) in (True, False)


def test_a_single_object_is_no_list() -> None:
    bindings = {"input": {"item": {"name": "a"}}}
    assert evaluate("$input.item.name", bindings) == "a"
    assert evaluate("$input.item[name = 'a'].name", bindings) == "a"
    assert evaluate("$input.item{name: 1}", bindings) == {"a": 1}
