"""Runs of each interpreter: what was delivered, and what was asked for after each delivery."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from headrace.authoring.bundle_loading import load_bundle
from headrace.authoring.definitions import definition_of_graph, definition_of_workflow
from headrace.contracts.codec import Codec
from headrace.contracts.definitions import Definition
from headrace.engine.graph import load_graph
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import FAILED, SUCCEEDED, Outcome
from headrace.engine.programs.graph.program import GraphProgram
from headrace.engine.programs.program import Program, RunInfo
from headrace.engine.programs.python.program import PythonProgram
from tests.golden.plain import plain
from tests.golden.run_scenarios import CASES, GRAPH, INPUT, python

START_MS = 1_700_000_000_000
PROGRAMS: dict[str, Program] = {"graph": GraphProgram(), "python": PythonProgram(load_bundle)}
_CODEC = Codec()


class Player:
    """One run. Every delivery goes to a live coroutine; after it, one is rebuilt and must stand at the same place."""

    def __init__(self, definition: Definition, data: bytes) -> None:
        self._program = PROGRAMS[definition.program]
        self._prepared = self._program.prepare(definition)
        self._info = RunInfo(
            workflow_id="w-1",
            run_id="r-1",
            name=definition.name,
            version=definition.version,
            attempt=2,
            input=data,
            content_type="application/json",
            started_at=START_MS,
            previous=b'{"rows": 3}',
        )
        self.steps: list[str] = []
        self.open: dict[int, str] = {}
        self._log: list[dict[str, Any]] = []
        self._live = self._started()

    def _started(self) -> Kernel:
        kernel = Kernel(recorded=self.steps, workflow_id="w-1", run_id="r-1", now_ms=START_MS)
        kernel.start(self._program.main(self._prepared, self._info, kernel))
        return kernel

    def deliver(self, end: dict[str, Any]) -> None:
        """Deliver the end of a step, or a request to end."""
        self._log.append(end)
        self.open.pop(end["step"], None)
        _deliver(self._live, end)

    def asks(self) -> list[dict[str, Any]]:
        """Return what is asked for now, as it is recorded."""
        found = []
        while self._live.fresh:
            step, request = self._live.fresh.popleft()
            self.steps.append(request.fingerprint())
            found.append({"step": step, "asks": type(request).__name__, **plain(request)})
        self.open = {step: request.node for step, request in self._live.open.items()}
        self._check_a_rebuilt_one()
        return found

    def ended(self) -> Any:
        """Return how the run ended; None while it goes on."""
        main = self._live.main
        assert main is not None
        if not main.done:
            return None
        if main.error is not None:
            return {"error": type(main.error).__name__, "says": str(main.error)}
        return plain(main.result())

    def _check_a_rebuilt_one(self) -> None:
        again = self._started()
        for end in self._log:
            _deliver(again, end)
        assert not again.fresh, f"Expected a rebuilt run to ask for nothing new, but it asks for {list(again.fresh)}"
        assert again.next_step == len(self.steps)
        again.close()


def definitions() -> dict[str, Definition]:
    """Return what is published of the scenarios by today's code, by program."""
    return {
        "graph": definition_of_graph(load_graph(GRAPH, source="golden"), file="", deployed_at=0),
        "python": definition_of_workflow(python, file="", deployed_at=0),
    }


def recorded(program: str) -> dict[str, Any]:
    """Play all cases of a program with today's code; return what goes into its file."""
    definition = definitions()[program]
    data = msgspec.json.encode(INPUT)
    cases = {name: _recorded_case(Player(definition, data), **case) for name, case in CASES.items()}
    return {
        "interpreter": definition.interpreter,
        "definition": base64.b64encode(_CODEC.encode(definition)).decode(),
        "input": data.decode(),
        "cases": cases,
    }


def _recorded_case(
    player: Player, *, fail: dict[str, int] | None = None, newest_first: bool = False, cancel_after: int = -1
) -> dict[str, Any]:
    left = dict(fail or {})
    turns: list[dict[str, Any]] = [{"asks": player.asks()}]
    while player.ended() is None:
        if len(turns) - 1 == cancel_after:
            end: dict[str, Any] = {"step": -1, "at": START_MS + len(turns), "cause": "enough"}
        else:
            step = max(player.open) if newest_first else min(player.open)
            node = player.open[step]
            fails = left.get(node, 0) > 0
            left[node] = left.get(node, 0) - 1
            outcome = {"status": FAILED, "error": "ValueError", "cause": "no"} if fails else {"status": SUCCEEDED}
            data = msgspec.json.encode({"node": node, "step": step}).decode()
            end = {"step": step, "at": START_MS + len(turns), "data": data, **outcome}
        player.deliver(end)
        turns.append({"end": end, "asks": player.asks()})
    return {"turns": turns, "ended": player.ended()}


def play(file: dict[str, Any], case: str) -> dict[str, Any]:
    """Return a case as today's code plays it, by the definition and the deliveries that were recorded."""
    definition = _CODEC.decode(base64.b64decode(file["definition"]))
    assert isinstance(definition, Definition)
    player = Player(definition, file["input"].encode())
    turns: list[dict[str, Any]] = []
    for turn in file["cases"][case]["turns"]:
        end = turn.get("end")
        if end is not None:
            player.deliver(end)
        turns.append({"end": end, "asks": player.asks()} if end is not None else {"asks": player.asks()})
    return {"turns": turns, "ended": player.ended()}


def _deliver(kernel: Kernel, end: dict[str, Any]) -> None:
    if end["step"] < 0:
        kernel.deliver_cancel(end["cause"], end["at"])
    else:
        outcome = Outcome(end["status"], end["data"].encode(), error=end.get("error", ""), cause=end.get("cause", ""))
        kernel.deliver(end["step"], outcome, end["at"])
