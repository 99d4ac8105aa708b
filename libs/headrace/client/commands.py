"""Commands as a client makes them: checked before they are sent. Pure but for fresh ids, which callers hand in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from headrace.client.errors import InvalidStart
from headrace.contracts.commands import StartWorkflow
from headrace.payloads.converters import to_json

ID_PATTERN = "[A-Za-z0-9._:@=+-]{1,200}"
IF_EXISTS = ("join", "fail", "rerun")
JSON = "application/json"
_ID = re.compile(ID_PATTERN, re.ASCII)


class _NoInput(msgspec.Struct, frozen=True):
    """Stands for an input that was not given, since null is one."""


NO_INPUT: Final = _NoInput()


class StartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a workflow is started, beside its name and input. An empty `version` is the latest one, an empty `key`
    none.
    """

    id: str = ""
    version: str = ""
    if_exists: str = "join"
    key: str = ""
    correlation_id: str = ""
    content_type: str = JSON


def start_command(
    workflow: Any, data: bytes, options: StartOptions, *, command_id: str, limit_bytes: int, now_ms: int
) -> StartWorkflow:
    """Return the command that starts a workflow. Without an id, the workflow's id is the name and the command's id.

    Raises:
        InvalidStart: the id, the name, the input's size or `if_exists` does not fit.
    """
    name, version = name_of(workflow)
    if options.if_exists not in IF_EXISTS:
        raise InvalidStart(f"Expected if_exists to be one of {', '.join(IF_EXISTS)}, but found {options.if_exists!r}")
    if len(data) > limit_bytes:
        raise InvalidStart(
            f"Expected an input of at most {limit_bytes} bytes (HEADRACE_BLOB_LIMIT_BYTES, or "
            f"HEADRACE_PAYLOAD_LIMIT_BYTES where HEADRACE_BLOBS is off), but it has {len(data)}; hand over a reference "
            "to large data instead of the data"
        )
    return StartWorkflow(
        command_id=command_id,
        workflow_id=checked_id(options.id or f"{name}-{command_id}"),
        issued_at=now_ms,
        correlation_id=options.correlation_id,
        name=name,
        version=options.version or version,
        input=data,
        content_type=options.content_type,
        if_exists=options.if_exists,
        key=options.key,
    )


def checked_id(workflow_id: str) -> str:
    """Return a workflow id that fits.

    Raises:
        InvalidStart: it does not.
    """
    if not _ID.fullmatch(workflow_id):
        shown = repr(workflow_id) if len(repr(workflow_id)) <= 80 else f"{len(workflow_id)} characters"
        raise InvalidStart(f"Expected a workflow id that matches {ID_PATTERN}, but found {shown}")
    return workflow_id


def name_of(workflow: Any) -> tuple[str, str]:
    """Return name and version of what a caller wants to start: a definition, or `name` or `name@version`.

    Raises:
        InvalidStart: it is neither.
    """
    wanted: object = workflow if isinstance(workflow, str) else getattr(workflow, "name", None)
    name, _, version = wanted.partition("@") if isinstance(wanted, str) else ("", "", "")
    if not name:
        raise InvalidStart(f"Expected a @workflow function or a workflow's name, but found {workflow!r}")
    return name, version


def input_bytes(given: Any, keywords: Mapping[str, Any]) -> bytes:
    """Return an input as bytes: bytes as they are, anything else, or the keyword arguments, as JSON. Without either it
    is `{}`.

    Raises:
        InvalidStart: there are both, or JSON cannot hold it.
    """
    if not isinstance(given, _NoInput) and keywords:
        raise InvalidStart(f"Expected either an input or keyword arguments, but found both ({', '.join(keywords)})")
    if isinstance(given, bytes):
        return given
    value = dict(keywords) if isinstance(given, _NoInput) else given
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except TypeError:
        pass  # more than JSON's own values
    except (ValueError, RecursionError) as error:
        raise InvalidStart(f"Expected an input that JSON can hold, but {error}") from error
    try:
        return to_json(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidStart(f"Expected an input that JSON can hold, but {error}") from error
