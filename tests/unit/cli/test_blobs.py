"""`headrace blobs clean`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from headrace.cli.main import run
from headrace.payloads.blobs import FolderBlobs, stored


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one blob that is old and one that is not."""
    monkeypatch.setenv("HEADRACE_BLOBS", str(tmp_path))
    old = stored(FolderBlobs(tmp_path), b"old")
    stored(FolderBlobs(tmp_path), b"young")
    os.utime(tmp_path / old[7:9] / old, (1_000, 1_000))
    return tmp_path


def _files(folder: Path) -> int:
    return len([file for file in folder.rglob("*") if file.is_file()])


def test_old_blobs_are_counted_and_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["blobs", "clean", "--older-than", "30d", "--dry-run"]) == 0
    assert capsys.readouterr().out == "would remove 1 blobs of 3 bytes\n"
    assert _files(folder) == 2
    assert run(["blobs", "clean", "--older-than", "30d", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"blobs": 1, "bytes": 3, "removed": True}
    assert _files(folder) == 1


@pytest.mark.parametrize(
    ("age", "store", "code", "text"),
    [
        ("soon", "", 2, "--older-than"),
        ("30d", "off", 1, "HEADRACE_BLOBS is off"),
        ("30d", "nowhere://x", 2, "Expected a store at HEADRACE_BLOBS=nowhere://x"),
    ],
)
def test_what_does_not_fit_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], age: str, store: str, code: int, text: str
) -> None:
    monkeypatch.setenv("HEADRACE_BLOBS", store)
    assert run(["blobs", "clean", "--older-than", age]) == code
    assert text in capsys.readouterr().err
