"""`@async_task`: a class whose `submit`, `poll` and `cancel` look after work that is done outside."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import re
from collections.abc import Callable
from typing import Any, Literal

from headrace.authoring.durations import Duration, duration_ms
from headrace.authoring.outside import INVALIDATE, RETAIN, Outside
from headrace.authoring.tasks import TaskDefinition, task

_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def async_task(
    *,
    poll_every: Duration = "1s",
    on_new_version: Literal["retain", "invalidate"] = RETAIN,
    version: str = "",
    **options: Any,
) -> Callable[[type], TaskDefinition[..., Any]]:
    """Make a class a task: it submits work elsewhere, and one thread asks after thousands of such works.

    Args:
        poll_every: the pause between two polls of one attempt.
        on_new_version: what to do with a handle of another version of the class: `retain`: poll on; `invalidate`:
            cancel it and submit anew.
        version: of the class; a digest of its source unless given.
        options: as of `@task`, but for `pool`.

    Raises:
        ValueError: an option does not fit.
        TypeError: what is decorated is no class, or lacks a method.
    """

    def define(cls: type) -> TaskDefinition[..., Any]:
        if not isinstance(cls, type):
            raise TypeError(f"Expected @async_task on a class, but found {cls!r}")
        missing = [name for name in ("submit", "poll", "cancel") if not callable(getattr(cls, name, None))]
        if missing:
            raise TypeError(f"Expected {cls.__qualname__} to have submit, poll and cancel, but it lacks {missing}")
        if "pool" in options:
            raise ValueError(f"Expected no pool for {cls.__qualname__}, since its work is done outside, but found one")
        if on_new_version not in (RETAIN, INVALIDATE):
            raise ValueError(f"Expected on_new_version to be retain or invalidate, but found {on_new_version!r}")
        outside = Outside(
            make=cls,
            version=version or _digest(cls),
            poll_every_s=duration_ms(poll_every, f"poll_every of {cls.__qualname__}") / 1_000,
            on_new_version=on_new_version,
        )
        name = options.pop("name", "") or _name_of(cls)
        definition: TaskDefinition[..., Any] = task(name=name, **options)(_function(cls, outside))
        return dataclasses.replace(definition, outside=outside)

    return define


def _function(cls: type, outside: Outside) -> Callable[..., Any]:
    """Return a function with the parameters of `submit` but for its key."""

    async def attend(*args: Any, **kwargs: Any) -> Any:
        return await outside.attend(args, kwargs)

    submit: Any = cls.submit  # type: ignore[attr-defined]
    signature = inspect.signature(submit)
    _, key, *rest = signature.parameters.values()
    if key.kind not in (key.POSITIONAL_ONLY, key.POSITIONAL_OR_KEYWORD):
        raise TypeError(f"Expected {cls.__qualname__}.submit(self, key, ...), but found {signature}")
    attend.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    attend.__wrapped__ = submit  # type: ignore[attr-defined]
    attend.__name__, attend.__qualname__, attend.__module__ = cls.__name__, cls.__qualname__, cls.__module__
    attend.__doc__ = cls.__doc__
    return attend


def _name_of(cls: type) -> str:
    """Return a class's name as tasks are named: `NightlyExport` is nightly_export."""
    return _NEW_WORD.sub("_", cls.__name__.lstrip("_")).lower()


def _digest(cls: type) -> str:
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        source = cls.__qualname__  # made at run time: its versions look alike
    return hashlib.sha256(source.encode()).hexdigest()[:12]
