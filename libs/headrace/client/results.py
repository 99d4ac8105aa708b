"""The output of a workflow as the type that its caller wants."""

from __future__ import annotations

from typing import Any

from headrace.client.errors import ResultMismatch
from headrace.payloads.reveal import is_shown_sealed
from headrace.payloads.typed import Mismatch, convert


def result_type_of(workflow: Any) -> Any:
    """Return what a workflow is annotated to return; Any for a name, and where it does not say."""
    return getattr(workflow, "result_type", Any)


def typed_result(output: Any, wanted: Any, workflow_id: str) -> Any:
    """Return an output as a type.

    Raises:
        ResultMismatch: it does not fit, or cannot be read here.
    """
    if is_shown_sealed(output):
        raise ResultMismatch(
            f"Expected the output of {workflow_id} to be readable, but it is sealed with a key that is not here; set "
            "HEADRACE_PAYLOAD_KEYS as the workers have it"
        )
    if wanted is Any:
        return output
    try:
        return convert(output, wanted)
    except Mismatch as error:
        raise ResultMismatch(
            f"Expected the output of {workflow_id} to be of the type asked for, but {error}"
        ) from error
