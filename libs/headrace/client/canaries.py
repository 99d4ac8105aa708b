"""Canaries: a share of a queue's tasks of one name for a version, as a command to the queue's dispatcher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from headrace.client.errors import InvalidStart
from headrace.client.sending import new_id, now_ms
from headrace.contracts.dispatch_commands import SetCanary
from headrace.engine.task_versions import check_version

Sent = TypeVar("Sent")


class CanaryControl(ABC, Generic[Sent]):
    """What both clients say to dispatchers; `Sent` is what sending gives (`headrace.client.control`)."""

    @abstractmethod
    def _send_canary(self, command: SetCanary) -> Sent: ...

    def set_canary(self, queue: str, task: str, version: str = "", *, share: float = 0.0, issued_by: str = "") -> Sent:
        """Give a share (0 to 1) of a queue's tasks of one name to a version, or take it back with 0.

        Returns the position of the command once Kafka has it; `queues` shows what the dispatcher has decided.

        Raises:
            InvalidStart: a name, the version or the share does not fit.
            NotReachable: Kafka did not take it in time.
        """
        return self._send_canary(canary_command(queue, task, version, share=share, issued_by=issued_by))


def canary_command(queue: str, task: str, version: str, *, share: float, issued_by: str) -> SetCanary:
    """Return the command. A share of 0 takes the canary back, whatever its version.

    Raises:
        InvalidStart: a name, the version or the share does not fit.
    """
    if not 0 <= share <= 1:
        raise InvalidStart(f"Expected a share from 0 to 1, but found {share}")
    if not queue or not task:
        raise InvalidStart(f"Expected a queue and a task for a canary, but found {queue!r} and {task!r}")
    try:
        if share:
            check_version(version)
    except ValueError as error:
        raise InvalidStart(str(error)) from None
    return SetCanary(
        command_id=new_id(),
        queue=queue,
        task=task,
        version=version if share else "",
        share=share,
        issued_by=issued_by,
        issued_at=now_ms(),
    )
