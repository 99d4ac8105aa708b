"""Lines of the logs topic. Field docs: the schemas of the same names."""

from __future__ import annotations

from headrace.contracts.message import Message


class LogLine(Message, frozen=True, kw_only=True):
    """A line that a task or a service wrote."""

    at: int
    level: str
    service: str
    source: str
    workflow_id: str = ""
    run_id: str = ""
    step: int = -1
    attempt: int = 0
    task: str = ""
    node: str = ""
    index: int = -1
    message: str
    trace: str = ""
    logger: str = ""
    fields: str = ""
