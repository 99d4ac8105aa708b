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
from headrace.engine.programs.python.compensations import Saga, Undone
from headrace.engine.programs.python.context import WorkflowContext
from headrace.engine.programs.python.errors import StepFailed
from headrace.engine.programs.python.limits import PythonLimits
from headrace.engine.programs.python.payloads import bind_input, to_json
from headrace.engine.task_versions import COMPATIBLE
from headrace.payloads.large import ValueTooLarge
from headrace.payloads.signatures import Parameters, result_check
from headrace.payloads.typed import Mismatch

WorkflowFunction = Callable[..., Coroutine[Any, Any, Any]]


class Prepared(msgspec.Struct, frozen=True):
    """A loaded bundle."""

    function: WorkflowFunction
    signature: inspect.Signature
    timeout_ms: int
    series: str = ""
    task_versions: str = COMPATIBLE
    parameters: Parameters | None = None
    check: Callable[[bytes], None] | None = None


class PythonProgram:
    """Runs `@workflow` functions. `load` turns a bundle's source into its function."""

    interpreter = 1

    def __init__(self, load: Callable[[bytes], WorkflowFunction], limits: PythonLimits | None = None) -> None:
        self._load = load
        self._limits = limits or PythonLimits()

    def prepare(self, definition: Definition) -> Prepared:
        """Return the workflow function of a bundle."""
        options = msgspec.json.decode(definition.options or b"{}")
        function = self._load(definition.source)
        signature = inspect.signature(function)
        return Prepared(
            function,
            signature,
            int(options.get("timeout_ms", 0)),
            str(options.get("key", "")),
            str(options.get("task_versions", COMPATIBLE)),
            Parameters(function, skip=1),
            result_check(function),
        )

    def timeout_ms(self, prepared: Prepared, run: RunInfo) -> int:
        """Return the time limit of the workflow's decorator."""
        return prepared.timeout_ms

    def key(self, prepared: Prepared, run: RunInfo) -> str:
        """Return the key of the workflow's decorator."""
        return prepared.series

    async def main(self, prepared: Prepared, run: RunInfo, kernel: Kernel) -> Result:
        """Call the function with its input, as its parameters are annotated, and return its result as JSON."""
        saga = Saga(kernel)
        context = WorkflowContext(run, kernel, prepared.task_versions, saga=saga, limits=self._limits)
        args, kwargs = bind_input(run.input, run.content_type)
        try:
            if prepared.parameters is not None:
                args, kwargs = prepared.parameters.fit(args, kwargs)
            prepared.signature.bind(context, *args, **kwargs)
        except (TypeError, Mismatch) as error:
            raise WorkflowFailure(
                "headrace.InputMismatch", _mismatch(prepared.signature, args, kwargs, error)
            ) from error
        try:
            return Result(_result(prepared, await _called(prepared, context, args, kwargs)))
        except NonDeterministic:
            raise
        except (Exception, Cancelled) as error:
            failures: list[Undone] = []
            if len(saga):
                failures, _ = await saga.undo()
            if isinstance(error, StepFailed | WorkflowFailure | ValueTooLarge):
                # An error of a task that nobody caught ends the workflow under its own name.
                texts = filter(None, [error.cause, *(failure.text for failure in failures)])
                raise WorkflowFailure(error.error, ("\n\n" if "\n" in error.cause else "; ").join(texts)) from error
            for failure in failures:
                # The reason of a request to end is not sealed, unlike causes.
                error.add_note(failure.short if isinstance(error, Cancelled) else failure.text)
            raise


async def _called(prepared: Prepared, context: WorkflowContext, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Run the function; what still runs beside it when it has ended is cancelled first, and waited for."""
    try:
        value = await prepared.function(context, *args, **kwargs)
    except (Exception, Cancelled):
        await context.stop_spawned()
        raise
    await context.stop_spawned()
    return value


def _result(prepared: Prepared, value: Any) -> bytes:
    try:
        data = to_json(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise WorkflowFailure(
            "headrace.SerializationError", f"Expected a result that JSON can hold, but {error}"
        ) from error
    if prepared.check is not None:
        try:
            prepared.check(data)
        except Mismatch as error:
            cause = f"Expected the workflow to return what it is annotated with, but {error}"
            raise WorkflowFailure("headrace.ResultMismatch", cause) from error
    return data


def _mismatch(wanted: inspect.Signature, args: list[Any], kwargs: dict[str, Any], error: Exception) -> str:
    found = f"keywords {sorted(kwargs)}" if kwargs or not args else f"one value of type {type(args[0]).__name__}"
    return f"Expected an input that fits {wanted}, but found {found}: {error}"
