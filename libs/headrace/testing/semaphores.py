"""A plain model of the resource manager for tests: first come, first served, and nothing else."""

from __future__ import annotations

from headrace.contracts.lease_events import LeaseRequested
from headrace.contracts.message import Message
from headrace.contracts.references import LeaseHolder
from headrace.contracts.resource_events import LeaseGranted, LeaseRefused
from headrace.contracts.task_events import TaskCancelled, TaskFailed, TaskReleased, TaskSucceeded, TaskTimedOut

_ENDS = (TaskSucceeded, TaskFailed, TaskTimedOut, TaskCancelled, TaskReleased)


class Semaphores:
    """Grants leases to the requests among the events that it sees."""

    def __init__(self) -> None:
        self._free: dict[str, int] = {}
        self._held: dict[tuple[str, int], LeaseRequested] = {}
        self._waiting: list[LeaseRequested] = []
        self._token = 0

    def see(self, event: Message, now_ms: int) -> list[Message]:
        """Return what the resource manager answers to an event."""
        if isinstance(event, LeaseRequested):
            self._free.setdefault(event.resource, event.capacity)
            if event.units > event.capacity:
                return [_refused(event, now_ms)]
            self._waiting.append(event)
        elif isinstance(event, _ENDS) and event.fencing_token:
            key = (event.run_id, event.step)
            self._waiting = [request for request in self._waiting if (request.run_id, request.step) != key]
            held = self._held.pop(key, None)
            if held is not None:
                self._free[held.resource] += held.units
        else:
            return []
        return self._grant(now_ms)

    def _grant(self, now_ms: int) -> list[Message]:
        granted: list[Message] = []
        for request in list(self._waiting):
            if self._free[request.resource] < request.units:
                continue
            self._waiting.remove(request)
            self._free[request.resource] -= request.units
            self._held[(request.run_id, request.step)] = request
            self._token += 1
            granted.append(
                LeaseGranted(
                    resource=request.resource,
                    units=request.units,
                    fencing_token=self._token,
                    holder=_holder(request),
                    to_shard=0,
                    at=now_ms,
                )
            )
        return granted


def _refused(request: LeaseRequested, now_ms: int) -> LeaseRefused:
    return LeaseRefused(
        resource=request.resource,
        units=request.units,
        holder=_holder(request),
        to_shard=0,
        error="headrace.ResourceError",
        cause=f"Expected at most {request.capacity} units of {request.resource}, but {request.units} were asked for",
        at=now_ms,
    )


def _holder(request: LeaseRequested) -> LeaseHolder:
    return LeaseHolder(
        workflow_id=request.workflow_id,
        run_id=request.run_id,
        step=request.step,
        attempt=request.attempt,
        node=request.node,
        index=request.index,
    )
