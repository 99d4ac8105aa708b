"""What a workflow's code may not do although every name in it is allowed: a table of patterns in its syntax tree.

What is looked for is what an honest author writes without thinking of replays. What these patterns do not find is found
when a replay asks for something else than the record shows.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

Found: TypeAlias = Iterator[tuple[int, str]]
_CLOCK: Mapping[type, frozenset[str]] = {
    datetime: frozenset({"now", "utcnow", "today"}),
    date: frozenset({"today"}),
}
_BY_NAME = {"datetime": datetime, "date": date}
# Takes a collection, and gives the same whatever its order.
_ORDERLESS = frozenset({"sorted", "sum", "len", "min", "max", "any", "all", "set", "frozenset"})
_ORDERED = frozenset({"list", "tuple", "enumerate", "iter", "next", "map", "filter", "zip", "reversed", "dict"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
_MUTATORS = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove"),
        *("reverse", "setdefault", "sort", "update"),
    }
)

_SWALLOWED = (
    "Expected a cancellation to get through, but this except would swallow it; catch Exception, or raise again in it"
)
_SHARED = (
    "Expected {name} of the module to stay as it is, since all runs share it and a replay finds it changed; keep what "
    "changes in a variable of the workflow"
)


def problems_in(tree: ast.AST, namespace: Mapping[str, Any]) -> Found:
    """Yield (line, what is wrong and what to do) for one statement of a module with this namespace."""
    for rule in _RULES:
        yield from rule(tree, namespace)


def _clocks(tree: ast.AST, namespace: Mapping[str, Any]) -> Found:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        match node.value:
            case ast.Name(id=name):
                owner = namespace.get(name, _BY_NAME.get(name))
            case ast.Attribute(attr=name):
                owner = _BY_NAME.get(name)
            case _:
                continue
        if isinstance(owner, type) and issubclass(owner, date):
            kind = datetime if issubclass(owner, datetime) else date
            if node.attr in _CLOCK[kind]:
                yield node.lineno, f"Expected no {name}.{node.attr}() in a workflow; use ctx.now"


def _local_times(tree: ast.AST, namespace: Mapping[str, Any]) -> Found:
    """The time zone of the machine is another on the next one."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="astimezone"), args=[], keywords=[]):
                wanted = "astimezone(UTC), or another zone"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="fromtimestamp"), args=[_], keywords=[]) if (
                namespace.get(name) is datetime
            ):
                wanted = "fromtimestamp(seconds, UTC), or another zone"
            case _:
                continue
        yield node.lineno, f"Expected a time zone, since each machine has its own; write {wanted}"


def _caught_all(tree: ast.AST, _: Mapping[str, Any]) -> Found:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        catches_all = any(
            kind is None or (isinstance(kind, ast.Name) and kind.id in ("BaseException", "GeneratorExit"))
            for kind in kinds
        )
        if catches_all and not _raises_again(node):
            yield node.lineno, _SWALLOWED


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def _orders_of_sets(tree: ast.AST, _: Mapping[str, Any]) -> Found:
    """Strings hash differently in each process, so sets of them have another order there."""
    for scope in _scopes(tree):
        sets = _names_of_sets(scope)
        unordered = _consumed_without_order(scope)
        for node in scope:
            match node:
                case ast.For(iter=source) | ast.AsyncFor(iter=source):
                    sources = [source]
                case ast.ListComp() | ast.GeneratorExp() | ast.DictComp() if id(node) not in unordered:
                    sources = [each.iter for each in node.generators]
                case ast.Call(func=ast.Name(id=name), args=sources) if name in _ORDERED and id(node) not in unordered:
                    pass
                case ast.Call(func=ast.Attribute(attr="join"), args=sources):
                    pass
                case ast.Call(func=ast.Attribute(value=source, attr="pop"), args=[]):
                    sources = [source]
                case ast.Starred(value=source):
                    sources = [source]
                case _:
                    continue
            if any(_is_set(source, sets) for source in sources):
                yield node.lineno, "Expected an order that is the same in every process, but a set has none; use sorted"


def _scopes(tree: ast.AST) -> Iterator[list[ast.AST]]:
    """Yield the nodes of each function, those of functions within it among them, and of what is no function."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not functions:
        yield list(ast.walk(tree))
    inner = {id(node) for function in functions for node in ast.walk(function) if node is not function}
    for function in functions:
        if id(function) not in inner:
            yield list(ast.walk(function))


def _names_of_sets(scope: list[ast.AST]) -> frozenset[str]:
    """Return the names that are bound to sets and to nothing else."""
    sets: set[str] = set()
    others: set[str] = set()
    for node in scope:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                (sets if _is_set(value, frozenset(sets)) else others).add(name)
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                (sets if _is_set(value, frozenset(sets)) else others).add(name)
            case ast.arg(arg=name) | ast.For(target=ast.Name(id=name)) | ast.comprehension(target=ast.Name(id=name)):
                others.add(name)
    return frozenset(sets - others)


def _consumed_without_order(scope: list[ast.AST]) -> frozenset[int]:
    return frozenset(
        id(argument)
        for node in scope
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ORDERLESS
        for argument in node.args
    )


def _is_set(node: ast.AST, names: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Name(id=name):
            return name in names
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
            return _is_set(left, names) or _is_set(right, names)
        case ast.Call(func=ast.Attribute(value=value, attr=method)):
            return method in _SET_METHODS and _is_set(value, names)
    return False


def _changed_globals(tree: ast.AST, namespace: Mapping[str, Any]) -> Found:
    """What a module holds is shared by all runs in a process, and is not there after a restart."""
    if not isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    local = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} | {
        node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Global(names=names):
                changed = names
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                changed = [name] if _is_shared(namespace.get(name)) and name not in local else []
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in _MUTATORS:
                changed = [name] if _is_shared(namespace.get(name)) and name not in local else []
            case _:
                continue
        for name in changed:
            yield node.lineno, _SHARED.format(name=name)


def _is_shared(value: object) -> bool:
    return isinstance(value, list | dict | set)


_RULES: tuple[Callable[[ast.AST, Mapping[str, Any]], Found], ...] = (
    _clocks,
    _local_times,
    _caught_all,
    _orders_of_sets,
    _changed_globals,
)
