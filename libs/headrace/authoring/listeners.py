"""`@listener`: a function that is called for events.

A listener observes: it steers no workflow, and what it wants done it sends as a command, like any client. Each listener
has a position of its own (a consumer group), so a slow or failing one holds up nobody else. It is called at least once
for an event, in order within a workflow: after a crash the last events may come again, with the same `event.id`.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args, overload

from headrace.authoring.names import check_name
from headrace.contracts.public_events import PUBLIC_NAMES
from headrace.contracts.retry import RetryPolicy
from headrace.engine.expressions import Expression, compile_expression, compile_source, is_expression

Start = Literal["latest", "earliest"]
DEFAULT_RETRY = RetryPolicy(max_attempts=5, interval_ms=1_000, backoff=2.0, max_interval_ms=60_000)
"""Rides out a restart of whatever the listener calls; after some 15 seconds the event goes to the dead letters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListenerDefinition:
    """A listener. Calling it calls the function.

    Attributes:
        events: names of the events that it wants; empty: all public ones.
        where: what `$event` must be besides; None: anything.
        start: where a listener begins that has never run: at the end, or at the first event that is still there.
    """

    name: str
    function: Callable[..., Any]
    events: frozenset[str]
    where: Expression | None
    retry: RetryPolicy
    start: Start

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    @property
    def topics(self) -> tuple[str, ...]:
        """Return the public topics that its events stand in, without the namespace."""
        return tuple(sorted({PUBLIC_NAMES[name] for name in self.events or PUBLIC_NAMES}))


@overload
def listener(function: Callable[..., Any], /) -> ListenerDefinition: ...
@overload
def listener(
    *,
    events: Iterable[str] = (),
    where: str = "",
    name: str = "",
    retry: Any = None,
    start: Start = "latest",
) -> Callable[[Callable[..., Any]], ListenerDefinition]: ...
def listener(
    function: Callable[..., Any] | None = None,
    /,
    *,
    events: Iterable[str] = (),
    where: str = "",
    name: str = "",
    retry: Any = None,
    start: Start = "latest",
) -> ListenerDefinition | Callable[[Callable[..., Any]], ListenerDefinition]:
    """Call a function, plain or async, with every event that fits: see `headrace.authoring.event.Event`.

    Args:
        function: what is called.
        events: names of events, as `["TaskFailed", "TaskTimedOut"]`; without it, all public events.
        where: a JSONata expression over `$event`, as `$event.queue = 'census'`; an event fits when it gives true.
        name: the function's own name unless given. The position belongs to the name: under a new one it begins anew.
        retry: a `Retry`: how often a failed call is tried again, before the event goes to the dead letters.
        start: where a listener begins that has never run: `latest` (what happens from now on), or `earliest`.

    Raises:
        ValueError: the name, an event, the expression or `start` does not fit.
        TypeError: what is decorated is no function, or `retry` is no `Retry`.
    """

    def define(target: Callable[..., Any]) -> ListenerDefinition:
        if not inspect.isroutine(target):
            raise TypeError(f"Expected @listener on a function, but found {target!r}")
        own = name or target.__name__
        return ListenerDefinition(
            name=check_name(own, f"listener {target.__qualname__}"),
            function=target,
            events=_known_events(events, own),
            where=compile_over(where, "event") if where else None,
            retry=retry_policy(retry, DEFAULT_RETRY),
            start=checked_start(start),
        )

    return define if function is None else define(function)


def compile_over(text: str, variable: str) -> Expression:
    """Return an expression, with `{% %}` around it or without, that may use one variable.

    Raises:
        ValueError: it is no JSONata, or uses another variable.
    """
    compile_text = compile_expression if is_expression(text) else compile_source
    return compile_text(text, {variable: None})


def retry_policy(retry: Any, default: RetryPolicy) -> RetryPolicy:
    """Return the policy of what a user gave as `retry`: a `Retry`, or nothing.

    Raises:
        TypeError: it is something else.
    """
    if retry is None:
        return default
    policy = getattr(retry, "policy", retry)
    policy = policy() if callable(policy) else policy
    if not isinstance(policy, RetryPolicy):
        raise TypeError(f"Expected retry=Retry(...), but found {retry!r}")
    return policy


def checked_start(start: str) -> Start:
    """Return where to begin.

    Raises:
        ValueError: it is neither of the two.
    """
    for known in get_args(Start):
        if start == known:
            return cast("Start", known)
    raise ValueError(f"Expected start to be 'latest' or 'earliest', but found {start!r}")


def _known_events(events: Iterable[str], name: str) -> frozenset[str]:
    if isinstance(events, str):
        raise TypeError(f"Expected a list of event names for listener {name}, but found the text {events!r}")
    wanted = frozenset(events)
    for event in sorted(wanted - PUBLIC_NAMES.keys()):
        close = difflib.get_close_matches(event, PUBLIC_NAMES, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(sorted(PUBLIC_NAMES))}"
        raise ValueError(f"Expected the name of a public event for listener {name}, but found {event!r}; {hint}")
    return wanted
