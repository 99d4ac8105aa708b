"""The output of a workflow as the type that its caller wants."""

from __future__ import annotations

from typing import Any

from headrace.client.errors import NotReachable, ResultMismatch
from headrace.payloads.blobs import BlobUnavailable
from headrace.payloads.encryption import Unreadable
from headrace.payloads.large import holds_reference
from headrace.payloads.reveal import is_shown_sealed
from headrace.payloads.typed import Mismatch, convert
from headrace.runtime.payloads import courier_for
from headrace.runtime.settings import Settings


def result_type_of(workflow: Any) -> Any:
    """Return what a workflow is annotated to return; Any for a name, and where it does not say."""
    return getattr(workflow, "result_type", Any)


def fetched(output: Any, settings: Settings) -> Any:
    """Return an output with what stands in it by reference.

    Raises:
        NotReachable: it cannot be fetched now.
    """
    if not holds_reference(output):
        return output
    try:
        return courier_for(settings).filled(output)
    except (BlobUnavailable, Unreadable) as error:
        raise NotReachable(str(error)) from error


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
