"""What an author sees when a deployed workflow raises."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from headrace.authoring.bundle import make_bundle
from headrace.authoring.bundle_loading import load_bundle
from headrace.testing import run_workflow

SOURCE = """\
from headrace import task, workflow


@task
def unused() -> None: ...


@workflow
async def faulty(ctx):
    found = {}
    return found["key"]
"""


def test_the_cause_shows_the_line_as_it_was_deployed_and_nothing_of_the_engine(tmp_path: Path) -> None:
    file = tmp_path / "faulty_app.py"
    file.write_text(SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("faulty_app", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["faulty_app"] = module
    try:
        spec.loader.exec_module(module)
        deployed = load_bundle(make_bundle(module.faulty).to_bytes())
    finally:
        del sys.modules["faulty_app"]
    file.write_text("# the file has changed since\n" * 20, encoding="utf-8")
    run = run_workflow(deployed)
    assert (run.status, run.error) == ("FAILED", "KeyError")
    assert run.cause is not None
    assert 'return found["key"]' in run.cause
    assert "headrace/engine" not in run.cause
