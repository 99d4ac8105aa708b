"""Records of plain topics: definitions and log lines."""

from __future__ import annotations

from headrace.contracts.definitions import Definition, DefinitionLatest
from headrace.contracts.log_lines import LogLine
from headrace_status.fold.changes import Append, Changes, Origin, Put
from headrace_status.fold.payload import json_text, plain


def definition(event: Definition, _origin: Origin) -> Changes:
    """One version of a definition."""
    values = {
        "program": event.program,
        "interpreter": event.interpreter,
        "source": event.source.decode("utf-8", "replace"),
        "options": json_text(event.options),
        "deployed_at": event.deployed_at,
        "file": event.file,
    }
    yield Put("definitions", (event.name, event.version), values)


def definition_latest(event: DefinitionLatest, _origin: Origin) -> Changes:
    """Which version a start without a version gets."""
    yield Put(
        "definition_latest",
        (event.name,),
        {"version": event.version, "deployed_at": event.deployed_at},
    )


def log_line(event: LogLine, origin: Origin) -> Changes:
    """A line that a task or a service wrote."""
    row = (
        origin.partition,
        origin.offset,
        event.workflow_id,
        event.run_id,
        event.step,
        event.attempt,
        event.task,
        event.level,
        event.service,
        event.source,
        plain(event.message),
        event.at,
        event.trace,
    )
    yield Append("logs", row)
