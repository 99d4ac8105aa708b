"""Workflows as Python code: the async function of a bundle, run over the kernel."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from headrace.contracts.definitions import Definition
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import Cancelled, NonDeterministic, WorkflowFailure
from headrace.engine.programs.program import Result, RunInfo
from headrace.engine.programs.python.context import WorkflowContext
from headrace.engine.programs.python.errors import StepFailed
from headrace.engine.programs.python.payloads import bind_input, to_json

WorkflowFunction = Callable[..., Coroutine[Any, Any, Any]]


class Prepared(msgspec.Struct, frozen=True):
    """A loaded bundle."""

    function: WorkflowFunction
    signature: inspect.Signature
    timeout_ms: int
    series: str = ""


class PythonProgram:
    """Runs `@workflow` functions. `load` turns a bundle's source into its function."""

    interpreter = 1

    def __init__(self, load: Callable[[bytes], WorkflowFunction]) -> None:
        self._load = load

    def prepare(self, definition: Definition) -> Prepared:
        """Return the workflow function of a bundle."""
        options = msgspec.json.decode(definition.options or b"{}")
        function = self._load(definition.source)
        signature = inspect.signature(function)
        return Prepared(function, signature, int(options.get("timeout_ms", 0)), str(options.get("key", "")))

    def timeout_ms(self, prepared: Prepared, run: RunInfo) -> int:
        """Return the time limit of the workflow's decorator."""
        return prepared.timeout_ms

    def key(self, prepared: Prepared, run: RunInfo) -> str:
        """Return the key of the workflow's decorator."""
        return prepared.series

    async def main(self, prepared: Prepared, run: RunInfo, kernel: Kernel) -> Result:
        """Call the function with its input, and return its result as JSON."""
        context = WorkflowContext(run, kernel)
        args, kwargs = bind_input(run.input, run.content_type)
        try:
            prepared.signature.bind(context, *args, **kwargs)
        except TypeError as error:
            raise WorkflowFailure(
                "headrace.InputMismatch", _mismatch(prepared.signature, args, kwargs, error)
            ) from error
        try:
            value = await prepared.function(context, *args, **kwargs)
        except StepFailed as failed:
            # An error of a task that nobody caught ends the workflow under its own name.
            raise WorkflowFailure(failed.error, failed.cause) from failed
        except (Cancelled, NonDeterministic):
            raise
        try:
            return Result(to_json(value))
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise WorkflowFailure(
                "headrace.SerializationError", f"Expected a result that JSON can hold, but {error}"
            ) from error


def _mismatch(wanted: inspect.Signature, args: list[Any], kwargs: dict[str, Any], error: TypeError) -> str:
    found = f"keywords {sorted(kwargs)}" if kwargs or not args else f"one value of type {type(args[0]).__name__}"
    return f"Expected an input that fits {wanted}, but found {found}: {error}"
