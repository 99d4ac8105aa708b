"""One listener at work: reads its topics, calls its function, commits after success, gives up into the dead letters."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillRunning
from typing import Any

from headrace.authoring.listeners import ListenerDefinition
from headrace.contracts.codec import DecodeError
from headrace.contracts.headers import traceparent
from headrace.contracts.topics import full_name
from headrace.engine.budget import BudgetExceeded
from headrace.engine.expressions import ExpressionError
from headrace.runtime import logging as logs
from headrace.runtime import metrics, telemetry
from headrace.shard.ports import Record
from headrace_listener.context import ServiceContext
from headrace_listener.dead_letters import dead_letter
from headrace_listener.group_reader import GroupReader
from headrace_listener.listeners.calling import Caller, EventLoop, caller_for
from headrace_listener.listeners.matching import PublicEvent, wants
from headrace_listener.listeners.verdict import GiveUp, after_failure
from headrace_listener.outbox import Outbox
from headrace_listener.states import Progress

_log = logging.getLogger("headrace.listener")
_called = metrics.counter("headrace.listener.events", "Events that a listener has handled")
_failed = metrics.counter("headrace.listener.failures", "Calls of a listener that failed")
_UNUSABLE = (DecodeError, ExpressionError, BudgetExceeded)


def group_of(namespace: str, name: str) -> str:
    """Return the consumer group that holds a listener's position."""
    return f"{namespace}.listener.{name}"


class ListenerService:
    """Runs one listener, in the thread that calls `run`. What it does waits for nobody else."""

    def __init__(
        self,
        definition: ListenerDefinition,
        context: ServiceContext,
        outbox: Outbox,
        loop: EventLoop,
        progress: Progress,
    ) -> None:
        self.ready = threading.Event()
        """Set once it has its place in its topics: from then on no event is missed."""
        self._definition = definition
        self._context = context
        self._limits = context.limits
        self._outbox = outbox
        self._progress = progress
        self._caller: Caller = caller_for(definition.function, definition.name, loop)
        namespace = context.settings.namespace
        self._prefix = full_name(namespace, "")
        self._reader = GroupReader(
            context.settings,
            [full_name(namespace, topic) for topic in definition.topics],
            group=group_of(namespace, definition.name),
            start=definition.start,
            limits=context.limits,
            availability=context.availability,
        )

    def run(self, stop: threading.Event) -> None:
        """Handle events until `stop`. A call that is under way then may end; what was not handled comes again."""
        try:
            while not stop.is_set():
                records = self._reader.poll(self._limits.idle_wait_ms if self.ready.is_set() else 50)
                if self._reader.placed():
                    self.ready.set()
                self._handle_all(records, stop)
                self._reader.commit()
                self._progress.at(self._reader.positions(), self._reader.lag())
        finally:
            self._reader.close()

    def _handle_all(self, records: Sequence[Record], stop: threading.Event) -> None:
        for record in records:
            if stop.is_set():
                return
            if self._reader.ours(record) and self._handle(record, stop):
                self._reader.done(record)
                self._reader.commit()

    def _handle(self, record: Record, stop: threading.Event) -> bool:
        """Handle one event to its end; False when `stop` came first."""
        public = PublicEvent(record, self._context.codec, self._context.sealing)
        try:
            if not wants(self._definition, public):
                return True
            event = public.event()
        except _UNUSABLE as error:
            return self._give_up(public, error, attempts=0, stop=stop)
        attributes = {"headrace.listener": self._definition.name, "headrace.event": public.type}
        with (
            logs.bind(listener=self._definition.name, event=public.type, event_id=public.id, **_ids_of(event)),
            telemetry.start_span(
                f"listener {self._definition.name}", traceparent(record.headers), attributes, "consumer"
            ),
        ):
            return self._deliver(public, event, stop)

    def _deliver(self, public: PublicEvent, event: Any, stop: threading.Event) -> bool:
        attempt = 0
        while True:
            attempt += 1
            error = self._call(event, stop)
            if stop.is_set() and isinstance(error, StillRunning):
                return False
            if error is None:
                _called.add(listener=self._definition.name)
                self._progress.handled()
                return True
            _failed.add(listener=self._definition.name)
            self._progress.failed(_first_line(error), time.time_ns() // 1_000_000)
            follows = after_failure(self._definition.retry, error, attempt=attempt, seed=public.id)
            if isinstance(follows, GiveUp):
                return self._give_up(public, error, attempts=attempt, stop=stop)
            _log.warning("call %d failed (%s); again in %d ms", attempt, _first_line(error), follows.pause_ms)
            if not self._pause(follows.pause_ms, stop):
                return False

    def _call(self, event: Any, stop: threading.Event) -> BaseException | None:
        """Call the function and wait; return what it raised. While it runs, the listener stays in its group."""
        future = self._caller.call(event)
        try:
            give_up_at = float("inf")
            while not _wait(future, self._limits.poll_while_busy_ms):
                self._reader.keep_alive()
                if stop.is_set():
                    give_up_at = min(give_up_at, time.monotonic() + self._limits.stop_ms / 1000)
                if time.monotonic() > give_up_at:
                    return StillRunning()
            return future.exception()
        finally:
            self._reader.resume()

    def _pause(self, pause_ms: int, stop: threading.Event) -> bool:
        until = time.monotonic() + pause_ms / 1000
        try:
            while (left := until - time.monotonic()) > 0:
                if stop.wait(min(left, self._limits.poll_while_busy_ms / 1000)):
                    return False
                self._reader.keep_alive()
            return True
        finally:
            self._reader.resume()

    def _give_up(self, public: PublicEvent, error: BaseException, *, attempts: int, stop: threading.Event) -> bool:
        record = public.record
        _log.error("the event goes to the dead letters after %d calls", attempts, exc_info=error)
        letter = dead_letter(
            key=record.key,
            value=record.value,
            error=type(error).__name__,
            reason="".join(traceback.format_exception(error)) if attempts else str(error),
            topic=record.topic.removeprefix(self._prefix),
            partition=record.partition,
            offset=record.offset,
            limit_bytes=self._limits.reason_limit_bytes,
            headers=record.headers,
            listener=self._definition.name,
            attempts=str(attempts),
        )
        if not self._outbox.deliver([letter], stop):
            return False
        self._progress.gave_up()
        return True


def _wait(future: Future[Any], wait_ms: int) -> bool:
    try:
        future.exception(timeout=wait_ms / 1000)
    except StillRunning:
        return future.done()
    return True


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _ids_of(event: Any) -> dict[str, str]:
    """Return the workflow and run that an event is about, so that what is logged about it stands with their lines."""
    found = {name: getattr(event, name, "") for name in ("workflow_id", "run_id")}
    return {name: value for name, value in found.items() if isinstance(value, str)}
