"""The graph program: how the kernel runs a workflow that was written as a graph."""

from __future__ import annotations

import json

from headrace.contracts.definitions import Definition
from headrace.engine.expressions import ExpressionError, Limits
from headrace.engine.graph import load_graph
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import WorkflowFailure
from headrace.engine.programs.graph.prepared import PreparedGraph, prepare_graph
from headrace.engine.programs.graph.run import EXPRESSION_ERROR, GraphRun
from headrace.engine.programs.program import Result, RunInfo


class GraphProgram:
    """Runs graphs (`headrace.engine.programs.program.Program`)."""

    # Raised when the same document would make other steps than before; released versions stay.
    interpreter = 1

    def __init__(self, limits: Limits | None = None) -> None:
        """`limits` are those of every expression; `result_bytes` is the payload limit."""
        self._limits = limits or Limits()

    def prepare(self, definition: Definition) -> PreparedGraph:
        """Return a definition's graph ready to run. The source is the document as JSON, or as YAML.

        Raises:
            InvalidDefinition: the document cannot run.
        """
        source = definition.file or f"{definition.name}@{definition.version}"
        try:
            document = json.loads(definition.source)
        except ValueError:
            return prepare_graph(load_graph(definition.source, source=source))
        return prepare_graph(load_graph(document, source=source))

    def timeout_ms(self, prepared: PreparedGraph, run: RunInfo) -> int:
        """Return how long a run may take, in milliseconds; 0: as long as it likes."""
        return prepared.graph.timeout_ms

    def key(self, prepared: PreparedGraph, run: RunInfo) -> str:
        """Return the key by which `$previous` finds the run before this one; empty: all runs of this name are one
        series.

        Raises:
            ExpressionError: the document's key has no value for this input.
        """
        template = prepared.graph.key
        if template is None:
            return ""
        value = template.evaluate(
            {"input": json.loads(run.input), "workflow": {"id": run.workflow_id, "attempt": run.attempt}},
            now_ms=run.started_at,
            seed=f"{run.run_id}//key",
        )
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)

    async def main(self, prepared: PreparedGraph, run: RunInfo, kernel: Kernel) -> Result:
        """Run a graph.

        Raises:
            WorkflowFailure: it failed, with the error of the first significant failure.
            Cancelled: it was asked to end.
        """
        try:
            graph_run = GraphRun(prepared, run, kernel, self._limits)
        except ExpressionError as error:
            raise WorkflowFailure(EXPRESSION_ERROR, str(error)) from None
        return await graph_run.execute()
