"""The render example, in memory; its pool and its farm are real only with a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.render import render
from headrace.authoring.apps import load_apps
from headrace.testing import run_workflow


def test_a_film_is_rendered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(render, "FARM", tmp_path / "farm")
    monkeypatch.setenv("HEADRACE_STATE", str(tmp_path / "state"))
    run = run_workflow(render.film, input={"title": "The Mill", "frames": 2})
    assert run.status == "SUCCEEDED", run.cause
    assert run.output["frames"] == 2
    assert run.output["order"] == "The Mill for a guest"


def test_its_module_offers_what_it_shows() -> None:
    apps = load_apps(["examples.render.render"])
    assert sorted(apps.tasks) == ["checksum", "render", "subprocess"]
    assert list(apps.middleware) == ["measured", "credentials"]
