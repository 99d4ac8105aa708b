"""Numbers, null, text, time and chance."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.expressions import ExpressionError
from tests.unit.expressions.evaluating import NOW_MS, evaluate

BIG = 9_007_199_254_740_993  # no double


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$input + 1", BIG + 1),
        ("$input - 1", BIG - 1),
        ("$input * 3", BIG * 3),
        ("-$input", -BIG),
        ("$input % 10", 3),
        ("$string($input)", str(BIG)),
        ("'id-' & $input", f"id-{BIG}"),
        ("$input = 9007199254740992", False),
        ("$input = 9007199254740993", True),
        ("$floor($input)", BIG),
        ("$abs(-$input)", BIG),
        ("$number('9007199254740993')", BIG),
        ("$sum([$input, 1])", BIG + 1),
        ("9007199254740993", BIG),
        ("-9007199254740993", -BIG),
        ("$power(3, 50)", 3**50),
        ("$formatBase($input, 16)", f"{BIG:x}"),
    ],
)
def test_integers_are_exact(source: str, expected: Any) -> None:
    assert evaluate(source, {"input": BIG}) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("7 / 2", 3.5),
        ("6 / 2", 3),
        ("-7 % 3", -1),
        ("5.5 % 2", 1.5),
        ("0.1 + 0.2 & ''", "0.3"),
        ("1e21 & ''", "1e+21"),
        ("1.5e300 & ''", "1.5e+300"),
        ("$round(2.5)", 2),
        ("$round(1234.567, 1)", 1234.6),
        ("$ceil(1.2)", 2),
        ("$floor(-1.2)", -2),
        ("$average([1, 2])", 1.5),
        ("true in [1]", False),
        ("$distinct([1, true, 1.0, '1'])", [1, True, "1"]),
        ("$number(true)", 1),
    ],
)
def test_numbers(source: str, expected: Any) -> None:
    result = evaluate(source)
    assert result == expected
    assert type(result) is type(expected)


@given(a=st.integers(-(10**30), 10**30), b=st.integers(-(10**30), 10**30), op=st.sampled_from("+-*"))
def test_integer_arithmetic_is_python_s(a: int, b: int, op: str) -> None:
    expected = {"+": a + b, "-": a - b, "*": a * b}[op]
    assert evaluate(f"$input.a {op} $input.b", {"input": {"a": a, "b": b}}) == expected


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_float_arithmetic_is_never_infinite(a: float, b: float) -> None:
    bindings = {"input": {"a": a, "b": b}}
    if math.isfinite(a + b) and math.isfinite(a * b):
        assert evaluate("[$input.a + $input.b, $input.a * $input.b]", bindings) == [a + b, a * b]
    else:
        with pytest.raises(ExpressionError, match="out of range"):
            evaluate("[$input.a + $input.b, $input.a * $input.b]", bindings)


@pytest.mark.parametrize(
    "source", ["1 / 0", "1 % 0", "$power(10, 400)", "$sqrt(-1)", "$number('NaN')", "$number('1e999')"]
)
def test_what_is_no_number_is_an_error(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$input.n", None),
        ("[$input.n, 1]", [None, 1]),
        ("{'n': $input.n}", {"n": None}),
        ("null", None),
        ("$type($input.n)", "null"),
        ("$exists($input.n)", True),
        ("$input.n = null", True),
        ("$input.list", [None, 1]),
        ("$count($input.list)", 2),
        ("$map($input.list, function($v) {$v = null})", [True, False]),
        ("$string($input)", '{"n":null,"list":[null,1]}'),
        ("$input ~> |$|{'x': 1}|", {"n": None, "list": [None, 1], "x": 1}),
    ],
)
def test_null_is_json_null(source: str, expected: Any) -> None:
    assert evaluate(source, {"input": {"n": None, "list": [None, 1]}}) == expected


@pytest.mark.parametrize(
    "source",
    ["$input.missing", "$input.a.b.c", "$input.items[0].x", "$previous.output", "$item", "$lookup($input, 'x')"],
)
def test_undefined_is_an_error(source: str) -> None:
    with pytest.raises(ExpressionError, match="undefined"):
        evaluate(source, {"input": {"a": {}, "items": []}})


@pytest.mark.parametrize("source", ["function($x) {$x}", "[$uppercase]", "/a/", "{'f': /a/}", "$substring(?, 1)"])
def test_a_result_that_is_no_json_is_an_error(source: str) -> None:
    with pytest.raises(ExpressionError, match="JSON"):
        evaluate(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'$length("\ud83d\ude00")', 1),
        ("$string({'k': 'é'})", '{"k":"é"}'),
        ("$lowercase('Straße')", "straße"),
        ("$string([1, 2], true)", "[\n  1,\n  2\n]"),
        ("$pad('a', 3, '-')", "a--"),
        ("$replace('aba', 'a', 'x')", "xbx"),
        ("$replace('aba', /a/, function($m) {$uppercase($m.match)})", "AbA"),
        ("$formatNumber(1234.5, '#,##0.00')", "1,234.50"),
        ("$base64decode($base64encode('é'))", "é"),
    ],
)
def test_text(source: str, expected: str) -> None:
    assert evaluate(source) == expected


def test_half_a_surrogate_pair_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="surrogate"):
        evaluate("$substring($input, 0, 1)", {"input": "\ud800x"})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$now()", "2023-11-14T22:13:20.123Z"),
        ("$millis()", NOW_MS),
        ("$toMillis($now())", NOW_MS),
        ("$fromMillis(0)", "1970-01-01T00:00:00.000Z"),
        ("$fromMillis(-1)", "1969-12-31T23:59:59.999Z"),
        ("$now('[Y0001]-[M01]-[D01]')", "2023-11-14"),
        ("$toMillis('10:05', '[H01]:[m01]')", 1_699_956_300_000),
        ("$toMillis('2024')", 1_704_067_200_000),
        ("$toMillis('2024-02-29T00:00:00.007+01:00')", 1_709_161_200_007),
    ],
)
def test_time_is_the_command_s(source: str, expected: Any) -> None:
    assert evaluate(source) == expected


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_every_millisecond_survives(at_ms: int) -> None:
    assert evaluate("$toMillis($fromMillis($input))", {"input": at_ms}) == at_ms


def test_chance_depends_on_the_seed_alone() -> None:
    source = "{'first': $random(), 'second': $random(), 'list': $shuffle([1..20])}"
    first = evaluate(source, seed="w/1")
    assert evaluate(source, seed="w/1") == first
    assert evaluate(source, seed="w/2") != first
    assert 0 <= first["first"] < 1
    assert first["first"] != first["second"]
    assert sorted(first["list"]) == list(range(1, 21)) != first["list"]
    assert evaluate("$random()", seed="pinned") == 0.6037291649319099
