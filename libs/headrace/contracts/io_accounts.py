"""What tasks read and wrote: accounts within results, the alarm, and the state behind it. Field docs: the schemas."""

from __future__ import annotations

from headrace.contracts.message import Message


class DatasetIo(Message, frozen=True, kw_only=True):
    """What an attempt read from or wrote to one dataset."""

    dataset: str
    rows: int
    bytes: int


class TaskIo(Message, frozen=True, kw_only=True):
    """What an attempt read and wrote, and the sizes of its payloads."""

    workflow: str = ""
    version: str = ""
    input_bytes: int
    output_bytes: int
    datasets: list[DatasetIo]


class IoOutOfRange(Message, frozen=True, kw_only=True):
    """A run read or wrote much more or less than the runs before it. Public only: it stands in no journal."""

    workflow_id: str
    run_id: str
    workflow: str
    version: str
    node: str
    dataset: str
    measure: str
    value: int
    low: int
    high: int
    mean: int
    runs: int
    at: int


class IoRange(Message, frozen=True, kw_only=True):
    """What the last runs of a workflow read or wrote at one node, by dataset."""

    workflow: str
    node: str
    dataset: str
    rows: list[int]
    bytes: list[int]


class IoSum(Message, frozen=True, kw_only=True):
    """What a run has read or written so far at one node, for one dataset."""

    node: str
    dataset: str
    rows: int
    bytes: int


class IoRun(Message, frozen=True, kw_only=True):
    """What an open run has read and written so far."""

    workflow_id: str
    run_id: str
    workflow: str
    version: str
    sums: list[IoSum]
