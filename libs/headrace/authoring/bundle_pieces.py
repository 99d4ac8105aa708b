"""What is collected of one module on the way to a bundle."""

from __future__ import annotations

from pathlib import Path

from headrace.authoring.bundle_loading import BundleModule
from headrace.authoring.module_source import ModuleSource
from headrace.authoring.stubs import TaskStub, WorkflowStub


class Piece:
    """What has been collected of one module."""

    def __init__(self, source: ModuleSource) -> None:
        self.source = source
        self.name = source.module.__name__
        self.tasks: dict[str, TaskStub] = {}
        self.workflows: dict[str, WorkflowStub] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.references: dict[str, tuple[str, str]] = {}
        self.constants: dict[str, str] = {}
        self.statements: dict[int, str] = {}
        self.seen: set[str] = set()

    def finished(self) -> BundleModule:
        texts = [text for _, text in sorted(self.statements.items())]
        return BundleModule(
            name=self.name,
            file=Path(getattr(self.source.module, "__file__", None) or "").name,
            tasks=self.tasks,
            workflows=self.workflows,
            imports=self.imports,
            references=self.references,
            constants=self.constants,
            source="\n\n".join(texts),
        )
