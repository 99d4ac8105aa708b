"""A decision shard to which several versions of a definition are deployed."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.contracts.control_commands import MigrateWorkflow, PauseWorkflow, ResumeWorkflow, RetryWorkflow
from headrace.contracts.definitions import Definition
from headrace.contracts.message import Message
from headrace.testing.definitions import InMemoryDefinitions
from tests.unit.engine.decision_shard import DecisionShard


class Versions(InMemoryDefinitions):
    """Definitions by name and version; the latest is what was deployed last."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[tuple[str, str], Definition] = {}

    def deploy(self, workflow: Any, version: str, name: str = "", **fields: Any) -> None:
        """Add a version."""
        found = self.add(workflow, name)
        source = f"{found}@{version}".encode() if found.encode() in self.functions else self._by_name[found].source
        if found.encode() in self.functions:
            self.functions[source] = self.functions[found.encode()]
        definition = msgspec.structs.replace(self._by_name[found], version=version, source=source, **fields)
        self.versions[found, version] = self._by_name[found] = definition

    def get(self, name: str, version: str) -> Definition | None:
        return self.versions.get((name, version))


class OperatedShard(DecisionShard):
    """A shard with versions, and with the commands of operators; each has an id of its own unless it is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.versions = Versions()
        self.definitions = self.versions
        self.new_process()
        self._commands = 0

    def deploy(self, workflow: Any, version: str = "v1", name: str = "", **fields: Any) -> None:
        """Deploy a version."""
        self.versions.deploy(workflow, version, name, **fields)

    def pause(self, workflow_id: str = "w", **fields: Any) -> list[Message]:
        """Pause a workflow."""
        return self.command(PauseWorkflow(**self._ids(workflow_id, fields)))

    def go_on(self, workflow_id: str = "w", **fields: Any) -> list[Message]:
        """Resume a workflow."""
        return self.command(ResumeWorkflow(**self._ids(workflow_id, fields)))

    def migrate(self, workflow_id: str = "w", **fields: Any) -> list[Message]:
        """Move a workflow to another version."""
        return self.command(MigrateWorkflow(**self._ids(workflow_id, fields)))

    def retry(self, workflow_id: str = "w", **fields: Any) -> list[Message]:
        """Retry a workflow."""
        return self.command(RetryWorkflow(**self._ids(workflow_id, fields)))

    def _ids(self, workflow_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        self._commands += 1
        return {"command_id": f"o{self._commands}", "workflow_id": workflow_id, "issued_at": 0, **fields}
