"""What is wrong with a document: each with its place, and all of them together."""

from __future__ import annotations

import pytest

from tests.unit.graph.documents import problems, yaml

ONE = "  a: {task: t}\n"


@pytest.mark.parametrize(
    ("tasks", "line", "path", "message"),
    [
        ("  a: {task: t, needs: [b]}\n", 4, "tasks.a.needs[0]", "b is unknown"),
        ("  a: {task: t}\n  ab: {task: t, needs:\n    [ac]}\n", 6, "tasks.ab.needs[0]", "did you mean"),
        ("  a: {task: t, needs: [a]}\n", 4, "tasks.a.needs", "a needs a"),
        (
            "  a: {task: t, needs: [c]}\n  b: {task: t, needs: [a]}\n  c: {task: t, needs: [b]}\n",
            4,
            "tasks.a.needs",
            "a needs c needs b needs a",
        ),
        ("  a: {task: t, needs: 5}\n", 4, "tasks.a.needs", "a list of task names"),
        ("  a: {task: t}\n  b: {task: t, needs: [a, a]}\n", 5, "tasks.b.needs[1]", "stands there again"),
        ("  a: {task: t, nedds: [b]}\n", 4, "tasks.a.nedds", "did you mean needs?"),
        ("  a: {}\n", 4, "tasks.a", "exactly one of task, workflow, sleep and wait_for, but found none"),
        ("  a: {task: t, sleep: 5m}\n", 4, "tasks.a", "but found task and sleep"),
        ("  a: {wait_for: x, sleep: 5m}\n", 4, "tasks.a", "but found sleep and wait_for"),
        ("  a: {wait_for: ''}\n", 4, "tasks.a.wait_for", "the name of a signal"),
        ("  a: {wait_for: 5}\n", 4, "tasks.a.wait_for", "the name of a signal"),
        ("  a: {wait_for: x, input: 5}\n", 4, "tasks.a.input", "but a is a wait_for"),
        ("  a: {callback: {}}\n", 4, "tasks.a", "exactly one of"),
        ("  a: {workflow: w, callback: {}}\n", 4, "tasks.a.callback", "but a is a workflow"),
        ("  a: {task: t, callback: 5m}\n", 4, "tasks.a.callback", "callback as an object"),
        ("  a: {task: t, callback: {timeout: 5}}\n", 4, "tasks.a.callback.timeout", "a duration"),
        ("  a: {task: t, callback: {retry: 5}}\n", 4, "tasks.a.callback.retry", "retry is unknown"),
        ("  a: {task: t, input: '{% $token %}'}\n", 4, "tasks.a.input", "a task with a callback"),
        ("  a: {task: t, callback: {}, timeout: '{% $token %}'}\n", 4, "tasks.a.timeout", "a task with a callback"),
        ("  a: 5\n", 4, "tasks.a", "a task as an object, but found 5"),
        ("  a:\n", 4, "tasks.a", "but found nothing"),
        ("  A-b: {task: t}\n", 4, "tasks.A-b", "a letter first"),
        ("  on_exit: {task: t}\n", 4, "tasks.on_exit", "another name"),
        ("  a: {task: 'x y'}\n", 4, "tasks.a.task", "the name of a task"),
        ("  a: {sleep: 0s}\n", 4, "tasks.a.sleep", "at least 1ms"),
        ("  a: {sleep: 5}\n", 4, "tasks.a.sleep", "a duration"),
        ("  a: {sleep: 5m, queue: q}\n", 4, "tasks.a.queue", "but a is a sleep"),
        ("  a: {workflow: w, heartbeat: 5s}\n", 4, "tasks.a.heartbeat", "but a is a workflow"),
        ("  a: {task: t, timeout: 5}\n", 4, "tasks.a.timeout", "a duration"),
        ("  a: {task: t, priority: 10}\n", 4, "tasks.a.priority", "from 0 to 9"),
        ("  a: {task: t, priority: true}\n", 4, "tasks.a.priority", "but found true"),
        ("  a: {task: t, significant: 1}\n", 4, "tasks.a.significant", "true or false"),
        ("  a: {task: t, run_if: sometimes}\n", 4, "tasks.a.run_if", "one of all_succeeded"),
        ("  a: {task: t, run_if: any_failed}\n", 4, "tasks.a.run_if", "there are none to fail"),
        ("  a: {task: t, concurrency: 3}\n", 4, "tasks.a.concurrency", "there is no foreach"),
        ("  a: {task: t, tolerate: 3}\n", 4, "tasks.a.tolerate", "there is no foreach"),
        ("  a: {task: t, foreach: abc}\n", 4, "tasks.a.foreach", "a list or an expression"),
        ("  a: {task: t, foreach: [1], concurrency: 0}\n", 4, "tasks.a.concurrency", "from 1 to"),
        ("  a: {task: t, when: $input.x}\n", 4, "tasks.a.when", "an expression"),
        ("  a: {task: t, retry: 3}\n", 4, "tasks.a.retry", "max_attempts"),
        ("  a: {task: t, retry: {schedule: [5m], max_attempts: 2}}\n", 4, "tasks.a.retry", "found both"),
        ("  a: {task: t, resource: {units: 1}}\n", 4, "tasks.a.resource.name", "the name of a resource"),
        ("  a: {task: t, resource: {name: r, units: 0}}\n", 4, "tasks.a.resource.units", "from 1"),
        ("  a: {task: t, input: {x: ['{% $input. %}']}}\n", 4, "tasks.a.input.x[0]", "Unexpected end"),
        ("  a: {task: t, input: '{% $nope %}'}\n", 4, "tasks.a.input", "$nope is unknown"),
        ("  a: {task: t}\n  b: {task: t, when: '{% $tasks.a.output %}'}\n", 5, "tasks.b.when", "add a to its needs"),
        ("  a: {task: t, when: '{% $tasks.a.output %}'}\n", 4, "tasks.a.when", "add a to its needs"),
        ("  a: {task: t, input: '{% $tasks.zz.output %}'}\n", 4, "tasks.a.input", "$tasks.zz is unknown"),
        ("  a: {task: t, input: '{% $item %}'}\n", 4, "tasks.a.input", "only in a task with foreach"),
        ("  a: {task: t, foreach: '{% $item %}'}\n", 4, "tasks.a.foreach", "only where each item is looked at"),
        ("  a: {task: t, foreach: [1], when: '{% $index %}'}\n", 4, "tasks.a.when", "only where each item"),
        ("  a: {task: t, input: '{% $workflow.status %}'}\n", 4, "tasks.a.input", "for on_exit only"),
    ],
)
def test_one_problem_in_a_task(tasks: str, line: int, path: str, message: str) -> None:
    found = problems(yaml(tasks))
    assert [(problem.line, problem.path) for problem in found] == [(line, path)]
    assert found[0].message.startswith("Expected ")
    assert message in found[0].message
    assert str(found[0]) == f"w.yaml:{line}: {path}: {found[0].message}"


@pytest.mark.parametrize(
    ("head", "path", "message"),
    [
        ("timeuot: 1h\n", "timeuot", "did you mean timeout?"),
        ("timeout: 60\n", "timeout", "a duration"),
        ("resources: []\n", "resources", "but found a list"),
        ("resources: {r: {}}\n", "resources.r", "a capacity"),
        ("resources: {r: {capacity: 0}}\n", "resources.r.capacity", "from 1"),
        ("resources: {R: {capacity: 1}}\n", "resources.R", "a letter first"),
        ("defaults: {queu: x}\n", "defaults.queu", "did you mean queue?"),
        ("defaults: {queue: '{% $tasks.a.output %}'}\n", "defaults.queue", "no tasks in defaults"),
        ("on_exit: {sleep: 5m}\n", "on_exit.sleep", "sleep is unknown"),
        ("on_exit: {task: t, needs: [a]}\n", "on_exit.needs", "needs is unknown"),
        ("on_exit: {task: t, input: '{% $tasks.zz %}'}\n", "on_exit.input", "$tasks.zz is unknown"),
        ("output: {x: '{% $tasks.zz.output %}'}\n", "output.x", "$tasks.zz is unknown"),
        ("output: '{% $item %}'\n", "output", "only in a task with foreach"),
        ("key: 5\n", "key", "a string or an expression"),
        ("key: '{% $previous.output %}'\n", "key", "does not depend on $previous"),
        ("tasks: {}\n", "tasks", "every key once"),
        ("name: v\n", "name", "first in line 2"),
    ],
)
def test_one_problem_beside_the_tasks(head: str, path: str, message: str) -> None:
    found = [problem for problem in problems(yaml(ONE, head)) if message in problem.message]
    assert [(problem.line, problem.path) for problem in found] == [(5, path)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "it is empty"),
        ("# nothing\n", 0, "it is empty"),
        ("- a\n", 1, "a workflow as an object, but found a list"),
        ("name: w\ntasks: {a: {task: t}\n", 3, "Expected YAML"),
        ("name: w\n\ttasks: 1\n", 2, "Expected YAML"),
        ("name: w\n--- \nname: v\n", 2, "another document"),
        ("name: w\n1: x\n", 2, "a string as a key, but found 1"),
        ("name: w\n? [a]\n: x\n", 2, "a string as a key"),
        ("name: w\nx: !!python/name:os.system x\n", 2, "but found x"),
        ("name: w\nx: !thing {a: 1}\n", 2, "the tag !thing"),
        ("name: w\nx: .nan\n", 2, "a value that JSON knows"),
        ("name: *nobody\n", 1, "undefined alias"),
        ("x: &x [*x]\n", 1, "60 levels"),
        ("[" * 3_000, 0, "60 levels"),
        ("name: w\n", 1, "at least one task"),
        ("name: w\ntasks: {}\n", 2, "at least one task"),
        ("name: w\ntasks: []\n", 2, "tasks as an object"),
        ("tasks: {a: {task: t}}\n", 1, "a workflow's name"),
        ("name: Bad Name\ntasks: {a: {task: t}}\n", 1, "a workflow's name"),
        ("apiVersion: headrace/v2\nname: w\ntasks: {a: {task: t}}\n", 1, "Expected headrace/v1"),
        ("name: w\x00\n", 0, "special characters"),
        ("x" * 1_100_000, 0, "at most 1048576 bytes"),
    ],
)
def test_documents_that_cannot_be_read(text: str, line: int, message: str) -> None:
    found = problems(text)
    assert any(problem.line == line and message in problem.message for problem in found), found


def test_aliases_cannot_explode() -> None:
    rows = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "50000 values" in problems("\n".join(rows))[0].message


def test_text_that_is_no_utf_8() -> None:
    assert "byte 0" in problems(b"\xff\xfe")[0].message


def test_values_that_are_no_json() -> None:
    document = {"name": "w", "tasks": {"a": {"task": "t", "input": {"x": {1}, "y": float("nan"), 3: 1}}}}
    assert [problem.path for problem in problems(document)] == [
        "tasks.a.input.x",
        "tasks.a.input.y",
        "tasks.a.input",
    ]
    assert all(problem.line == 0 for problem in problems(document))


def test_units_beyond_the_capacity() -> None:
    head = "resources: {r: {capacity: 2}}\n"
    assert problems(yaml("  a: {task: t, resource: {name: r, units: 2}}\n", head)) == ()
    assert "at most the 2 units" in problems(yaml("  a: {task: t, resource: {name: r, units: 3}}\n", head))[0].message
    assert problems(yaml("  a: {task: t, resource: {name: elsewhere, units: 3}}\n", head)) == ()


def test_all_problems_come_together_in_the_document_s_order() -> None:
    text = yaml(
        "  a: {task: t, timeout: 5, input: ['{% $x %}', '{% $y %}']}\n"
        "  b: {task: t, needs: [nobody], when: '{% $tasks.a.output %}'}\n"
        "  c: {task: t, priority: 99, colour: red}\n"
        "  c: {task: t}\n",
        "output: '{% $tasks.nobody.output %}'\n",
    )
    found = problems(text)
    assert [problem.line for problem in found] == [4, 4, 4, 5, 5, 6, 6, 7, 8]
    assert len(set(found)) == len(found)


def test_a_problem_of_the_defaults_is_told_once() -> None:
    text = yaml("  a: {task: t}\n  b: {task: t}\n", "defaults: {timeout: 5}\n")
    assert [(problem.line, problem.path) for problem in problems(text)] == [(6, "defaults.timeout")]
