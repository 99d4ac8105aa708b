"""Mutations of what deciders and workers keep in mind."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from headrace.contracts.partition import shard_of
from headrace.contracts.task_events import AssignmentRevoked
from headrace.engine.evolve import registry
from headrace.engine.state import ShardState
from headrace_execution.worker.worker import Worker
from tests.simulation.mutations.swapping import swapped, swapped_entry


def forget_run_id() -> AbstractContextManager[None]:
    """What is for a run goes to whichever run its workflow has now."""
    return swapped(ShardState, "run_of", lambda _: lambda state, workflow_id, run_id: state.runs.get(workflow_id))


def failure_of_a_lost_worker_counts() -> AbstractContextManager[None]:
    """Two workers run one attempt, and the failure of the one that was given up counts."""
    return swapped_entry(registry.EVOLVERS, AssignmentRevoked, lambda state, event: None)


def report_before_acknowledged() -> AbstractContextManager[None]:
    """A worker reports a result as finished before the log has it, at the offset where it would stand."""

    def make(original: Any) -> Any:
        def ended(worker: Worker, job: Any, outcome: Any) -> None:
            original(worker, job, outcome)
            outbox: Any = worker._outbox
            partition = shard_of(job.task.workflow_id, worker._decision_shards)
            end = len(outbox._log.entries("workflow.commands", partition))
            worker._book.acknowledged(job.id, partition, end + len(outbox.letters))

        return ended

    return swapped(Worker, "ended", make)
