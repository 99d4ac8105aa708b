"""What is refused before anything runs, and what is known about an expression."""

from __future__ import annotations

import pytest

from headrace.engine.expressions import (
    InvalidExpression,
    compile_expression,
    compile_source,
    compile_template,
    is_expression,
)


@pytest.mark.parametrize(
    ("source", "message", "column"),
    [
        ("$input.", "Unexpected end", 7),
        ("$inptu.a", r"\$inptu is unknown; did you mean \$input\?", 1),
        ("1 + $nope", r"\$nope is unknown", 5),
        ("$uppercas('a')", r"did you mean \$uppercase\?", 1),
        ("$eval('1')", r"\$eval is left out", 1),
        ("$$", r"\$\$ has no document", 1),
        ("input.a", r"did you mean \$input\?", 1),
        ("uppercase('a')", r"did you mean \$uppercase\?", 1),
        ("$map([1], function($v) {name})", "looked up in nothing", 25),
        ("$tasks.a.outptu", r"\$tasks.a.output or \$tasks.a.status", 10),
        ("$workflow.nmae", r"\$workflow.nmae is unknown", 11),
        ("$input := 1", "Expected a new name", 1),
        ("function($tasks) {1}", "Expected a new name", 10),
        ("'abc", "quote", 4),
        ("/+/", "regular expression", 0),
        ("/* open", "ends too early", 0),
        ("", "there is none", 0),
        ("(" * 5_000 + ")" * 5_000, "nested less deeply", 0),
        ("1" + " ?? 1" * 20, "at most 12", 0),
        ("'" + "x" * 30_000 + "'", "at most 20000", 0),
    ],
)
def test_a_bad_expression_is_refused_with_its_place(source: str, message: str, column: int) -> None:
    with pytest.raises(InvalidExpression, match=message) as caught:
        compile_source(source)
    assert caught.value.column == column
    assert caught.value.source == source


@pytest.mark.parametrize(
    ("source", "references", "dynamic", "variables"),
    [
        ("$tasks.a.output + $tasks.b.status", {"a", "b"}, False, {"tasks"}),
        ("$tasks.'a'.output", {"a"}, False, {"tasks"}),
        ("$tasks.a", {"a"}, False, {"tasks"}),
        ("$tasks[0]", set(), True, {"tasks"}),
        ("$keys($tasks)", set(), True, {"tasks"}),
        ("$tasks.*", set(), True, {"tasks"}),
        ("($t := $tasks; $t.a)", set(), True, {"tasks"}),
        ("$map($input, function($v) {$v + $tasks.a.output})", {"a"}, False, {"input", "tasks"}),
        ("$input.x[$tasks.c.output = y]", {"c"}, False, {"input", "tasks"}),
        ("$input ~> |items|{'n': $tasks.d.output}|", {"d"}, False, {"input", "tasks"}),
        ("[1, 2].{'a': $item}", set(), False, {"item"}),
        ("1 + 1", set(), False, set()),
    ],
)
def test_what_an_expression_uses_is_known(
    source: str, references: set[str], *, dynamic: bool, variables: set[str]
) -> None:
    expression = compile_source(source)
    assert expression.references == references
    assert expression.dynamic == dynamic
    assert expression.variables == variables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% 1 %}", True),
        ("{%1%}", True),
        ("{% 1\n %}\n", True),
        (" {% 1 %}", False),
        ("{% 1 %} ", False),
        ("a {% 1 %}", False),
        ("{%}", False),
        ("{{ 1 }}", False),
        (1, False),
        (None, False),
    ],
)
def test_only_a_string_that_is_wholly_one_is_an_expression(text: object, *, expected: bool) -> None:
    assert is_expression(text) == expected


def test_a_text_is_compiled_once() -> None:
    assert compile_expression("{% $input.a %}") is compile_expression("{% $input.a %}")


def test_other_places_have_other_variables() -> None:
    where = compile_source("$event.queue = 'census'", {"event": None})
    assert where.evaluate({"event": {"queue": "census"}}, now_ms=0, seed="") is True
    with pytest.raises(InvalidExpression, match=r"\$event"):
        compile_source("$event.queue = 'census'")
    assert compile_source("$anything + 1", None).evaluate({"anything": 1}, now_ms=0, seed="") == 2


def test_a_template_is_filled_and_keeps_the_rest() -> None:
    value = {"a": ["{% $input.x %}", "text {% $input.x %}", 1, None], "b": {"c": "{% $input %}"}}
    template = compile_template(value)
    assert [place for place, _ in template.expressions] == ["a[0]", "b.c"]
    result = template.evaluate({"input": {"x": [5]}}, now_ms=0, seed="")
    assert result == {"a": [[5], "text {% $input.x %}", 1, None], "b": {"c": {"x": [5]}}}


def test_each_place_of_a_template_has_its_own_chance() -> None:
    template = compile_template(["{% $random() %}", "{% $random() %}"])
    first, second = template.evaluate({}, now_ms=0, seed="s")
    assert first != second
    assert template.evaluate({}, now_ms=0, seed="s") == [first, second]
