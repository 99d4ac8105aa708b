"""What a workflow's code may use: the modules and builtins that give the same in every replay."""

from __future__ import annotations

import sys
from collections.abc import Mapping

_WHOLE = "all"
# Of headrace's own, what a workflow catches and raises.
PUBLIC_NAMES = frozenset(
    {
        *("AttachFailed", "CallbackFailed", "CallbackTimedOut", "ChildFailed", "NonRetryable", "ReceiveTimedOut"),
        *("SignalMismatch", "SignalRefused", "TaskFailed", "WaitTimedOut", "WorkflowContext", "WorkflowFailure"),
        *("Cancelled", "CompensationFailed", "MemoFailed", "LargeValue", "ValueTooLarge"),
    }
)
# Modules of the standard library that compute and do nothing else; of some only the names that do.
ALLOWED_MODULES: Mapping[str, str | frozenset[str]] = {
    **dict.fromkeys(
        (
            *(
                "__future__",
                "abc",
                "base64",
                "binascii",
                "bisect",
                "calendar",
                "cmath",
                "collections",
                "collections.abc",
            ),
            *("colorsys", "contextlib", "copy", "dataclasses", "datetime", "decimal", "difflib", "enum", "fnmatch"),
            *("fractions", "functools", "graphlib", "hashlib", "heapq", "hmac", "html", "itertools", "json", "math"),
            *("numbers", "operator", "posixpath", "re", "statistics", "string", "textwrap", "types", "typing"),
            *("unicodedata", "urllib.parse", "zlib"),
        ),
        _WHOLE,
    ),
    "pathlib": frozenset({"PurePath", "PurePosixPath", "PureWindowsPath"}),
    "uuid": frozenset({"UUID", "uuid3", "uuid5", "NAMESPACE_DNS", "NAMESPACE_OID", "NAMESPACE_URL", "NAMESPACE_X500"}),
    "headrace": PUBLIC_NAMES,
}
_INSTEAD: Mapping[str, str] = {
    "time": "use ctx.now and ctx.sleep",
    "random": "use ctx.random",
    "secrets": "use ctx.random, or make the secret in a task",
    "uuid": "use ctx.uuid(); for the type, write from uuid import UUID",
    "asyncio": "use ctx.run, ctx.map, ctx.gather and ctx.sleep",
    "threading": "use ctx.map and ctx.gather",
    "concurrent": "use ctx.map and ctx.gather",
    "multiprocessing": "use ctx.map and ctx.gather",
    "pathlib": "PurePath is allowed; touch files in a task",
    "logging": "log in a task",
}
# `hash` of a string differs from process to process, and so does `id`.
REFUSED_BUILTINS: Mapping[str, str] = {
    **dict.fromkeys(("open", "input"), "do input and output in a task"),
    "print": "it would print again at every replay; use ctx.publish, or print in a task",
    **dict.fromkeys(("eval", "exec", "compile", "__import__"), "write the code out"),
    **dict.fromkeys(("hash", "id"), "it differs from process to process; use hashlib or a name"),
    **dict.fromkeys(("globals", "vars", "breakpoint", "help", "exit", "quit"), "it has no place in a workflow"),
}


def refusal_of_module(module: str, name: str = "", packages: frozenset[str] = frozenset()) -> str:
    """Return why a workflow may not import a module (or one name of it); empty when it may.

    `packages` are those of others that the decision service allows.
    """
    rule = ALLOWED_MODULES.get(module)
    if rule == _WHOLE or (isinstance(rule, frozenset) and name in rule):
        return ""
    what = f"{module}.{name}" if name else module
    top = module.partition(".")[0]
    instead = _INSTEAD.get(top, "do it in a task")
    if top == "headrace":
        names = ", ".join(sorted(PUBLIC_NAMES))
        return f"Expected of headrace only tasks, workflows and {names} in a workflow, but it uses {what}"
    if top in packages:
        return ""
    if top in sys.stdlib_module_names:
        return f"Expected workflow code that gives the same in every replay, but it uses {what}; {instead}"
    others = f", and {', '.join(sorted(packages))}" if packages else ""
    return (
        f"Expected only the standard library and your own modules{others} in a workflow, but it uses {what}; "
        f"{instead}, or name {top} in HEADRACE_DECISION_ALLOWED_PACKAGES, here and for the decision service"
    )
