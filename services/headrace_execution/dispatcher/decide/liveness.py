"""When workers were heard. None of it is in the journal: after a take-over the clocks start anew."""

from __future__ import annotations

from headrace_execution.dispatcher.round import Round


def heard(round_: Round, worker: str) -> None:
    """Note that a worker is alive. The last part of its time-out begins only when its silence is looked at."""
    live = round_.state.live
    live.due[worker] = round_.now_ms + round_.limits.worker_timeout_ms - round_.limits.worker_confirm_ms
    live.suspects.pop(worker, None)
