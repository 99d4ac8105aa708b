"""The live coroutines of open runs: a cache beside the state, rebuilt from it whenever one is missing.

Nothing that matters lives only here. An entry may be dropped at any time; `caught_up` runs the program again over the
record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.engine.budget import BudgetPort
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import NonDeterministic
from headrace.engine.programs.program import Definitions, Program, RunInfo
from headrace.engine.recent import Recent
from headrace.engine.run import CANCEL, SIGNAL, Run
from headrace.engine.sealing import RunSealing
from headrace.engine.tokens import Tokens
from headrace.payloads.sealing import Sealing

_PREPARED = 500
"""Definitions that are kept ready to run: some 50 KB each, and a few ms to make ready."""


class DefinitionMissing(Exception):
    """A run's definition is not to be had; the text names it."""


class UnknownInterpreter(Exception):
    """A definition needs a newer version of its interpreter than this process has; the text names both."""


class Activations:
    """Live kernels by run id: at most `limit` of them, those that were used last."""

    def __init__(
        self,
        *,
        definitions: Definitions,
        programs: Mapping[str, Program],
        budget: BudgetPort,
        limit: int = 2_000,
        tokens: Tokens | None = None,
        steps_at_once: int = 250_000,
        sealing: Sealing | None = None,
    ) -> None:
        """`steps_at_once` is how many steps one activation may ask for; 0: any number.

        Without `tokens`, those of callbacks are signed with what anybody knows: for tests.
        """
        self.definitions = definitions
        self.programs = programs
        self.budget = budget
        self.steps_at_once = steps_at_once
        self._sealing = sealing or Sealing()
        self._live: Recent[str, Kernel] = Recent(
            limit, lambda _, kernel: _close(kernel), weight=lambda kernel: kernel.delivered + len(kernel.open)
        )
        self.tokens = tokens or Tokens(b"headrace")
        self._rebuilt: dict[str, Kernel] = {}
        """On their way through a long record: others do not drive them out, or they would never be done."""
        self._prepared: Recent[tuple[str, str], Any] = Recent(_PREPARED, lambda _key, _definition: None)

    def behind(self, run: Run) -> int:
        """Return how many ends of the run's record are to be delivered before its kernel is up to date; none where it
        goes on with a smaller record.
        """
        kernel = self._rebuilt.get(run.run_id) or self._live.peek(run.run_id)
        if kernel is None:
            return len(run.log)
        return 0 if kernel.continuing else len(run.log) - kernel.delivered

    def caught_up(self, run: Run, deliveries: int | None = None) -> Kernel:
        """Return the run's kernel after everything that the run has recorded was delivered to it; with `deliveries`,
        after so many more of its ends at most.

        Raises:
            NonDeterministic: the code asks for something else than the record shows.
            DefinitionMissing: the version that the run began with is not known here.
            UnknownInterpreter: newer code has begun the run.
            BudgetExceeded: an activation took too much time or memory.
        """
        kernel = self._rebuilt.get(run.run_id) or self._live.get(run.run_id)
        if kernel is None:
            kernel = self._start(run)
            if deliveries is None:
                self._live.put(run.run_id, kernel)
            else:
                self._rebuilt[run.run_id] = kernel
        else:
            # The run may have been packed and unpacked since: the record is the same, the list is not.
            kernel.recorded = run.steps
            kernel.carried = run.carried
        self._deliver(kernel, run, deliveries)
        if self._rebuilt and not self.behind(run) and self._rebuilt.pop(run.run_id, None) is not None:
            self._live.put(run.run_id, kernel)
        return kernel

    def trial(self, run: Run, version: str) -> Kernel:
        """Return a kernel that another version of the definition was run on, over the run's record. The run and its
        own kernel stay as they are; `adopt` makes it the run's.

        Raises:
            NonDeterministic, DefinitionMissing, UnknownInterpreter, BudgetExceeded: as `caught_up`.
        """
        definition = self.definitions.get(run.name, version)
        if definition is None:
            raise DefinitionMissing(f"Expected definition {run.name}@{version}, but it is not known here; deploy it")
        other = msgspec.structs.replace(
            run, version=definition.version, program=definition.program, interpreter=definition.interpreter
        )
        kernel = self._start(other)
        try:
            self._deliver(kernel, other)
        except BaseException:
            _close(kernel)
            raise
        return kernel

    def adopt(self, run_id: str, kernel: Kernel) -> None:
        """Make a kernel that was tried the run's own."""
        self.drop(run_id)
        self._live.put(run_id, kernel)

    def _deliver(self, kernel: Kernel, run: Run, deliveries: int | None = None) -> None:
        log = run.log
        until = len(log) if deliveries is None else min(len(log), kernel.delivered + deliveries)
        # Nothing is delivered to a coroutine that goes on with a smaller record: what is left is for that one.
        while kernel.delivered < until and not kernel.continuing:
            end = log[kernel.delivered]
            with self.budget.activation(run.workflow_id):
                if end.step == CANCEL:
                    kernel.deliver_cancel(end.outcome.cause, end.at)
                elif end.step == SIGNAL:
                    kernel.deliver_signal(end.name, end.outcome, end.at)
                else:
                    kernel.deliver(end.step, end.outcome, end.at)
        if until < len(log):
            return
        kernel.caught_up()
        if kernel.next_step < len(run.steps):
            raise NonDeterministic(
                f"Expected {len(run.steps)} recorded steps, but the code asks for {kernel.next_step}, and the record "
                f"goes on with [{run.steps[kernel.next_step]}]; deploy code that makes the recorded steps, or terminate"
            )

    def drop(self, run_id: str) -> None:
        """Forget a run's kernel."""
        for kernel in (self._live.pop(run_id), self._rebuilt.pop(run_id, None)):
            if kernel is not None:
                _close(kernel)

    def rest(self) -> None:
        """Drop the kernels that were not used since the last time; those that are slow to rebuild stay for longer."""
        self._live.age()

    def __len__(self) -> int:
        return len(self._live)

    def prepared(self, program: str, name: str, version: str) -> tuple[Program, Any]:
        """Return a program and a definition prepared for it.

        Raises:
            DefinitionMissing: no such version, or a program that this process does not know.
            UnknownInterpreter: it is written for a newer release.
        """
        runner = self.programs.get(program)
        if runner is None:
            raise DefinitionMissing(
                f"Expected a program among {sorted(self.programs)}, but found {program!r} for {name}@{version}"
            )
        found = self._prepared.get((name, version))
        if found is None:
            definition = self.definitions.get(name, version)
            if definition is None:
                raise DefinitionMissing(
                    f"Expected definition {name}@{version}, but it is not known here; deploy it again"
                )
            if definition.interpreter > runner.interpreter:
                raise UnknownInterpreter(
                    f"Expected a definition for version {runner.interpreter} or older of the {program} interpreter, "
                    f"but {name}@{version} needs version {definition.interpreter}; upgrade the decision service"
                )
            found = runner.prepare(definition)
            self._prepared.put((name, version), found)
        return runner, found

    def opened(self, info: RunInfo) -> RunInfo:
        """Return what a program may know of a run, readable. Raises `PayloadUnreadable` where the key is missing."""
        return RunSealing(self._sealing, info.workflow_id).info(info)

    def _start(self, run: Run) -> Kernel:
        program, prepared = self.prepared(run.program, run.name, run.version)
        border = RunSealing(self._sealing, run.workflow_id)
        info = border.info(run_info(run))
        kernel = Kernel(
            recorded=run.steps,
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            now_ms=run.started_at,
            mint=self.tokens.mint,
            seeds=run.seeds,
            values=run.values,
            carried=run.carried,
            progress=self.budget.progress,
            most_at_once=self.steps_at_once,
            border=border,
        )
        try:
            with self.budget.activation(run.workflow_id):
                kernel.start(border.main(program.main(prepared, info, kernel)))
        except BaseException:
            _close(kernel)
            raise
        return kernel


def run_info(run: Run) -> RunInfo:
    """Return what a program may know of a run."""
    return RunInfo(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        name=run.name,
        version=run.version,
        attempt=run.attempt,
        input=run.input,
        content_type=run.content_type,
        started_at=run.started_at,
        key=run.key,
        previous=run.previous,
        depth=run.parent.depth if run.parent else 0,
    )


def _close(kernel: Kernel) -> None:
    if kernel.main is None or not kernel.main.done:
        kernel.close()
