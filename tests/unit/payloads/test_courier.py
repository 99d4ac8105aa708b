"""Large payloads lie elsewhere, with a reference in their place, and come back whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.contracts.commands import CompleteTask, StartWorkflow
from headrace.contracts.schedule_commands import SetSchedule
from headrace.contracts.schedule_events import ScheduleSpec
from headrace.payloads.blobs import (
    Blobs,
    BlobUnavailable,
    Cleaned,
    FolderBlobs,
    FsspecBlobs,
    MemoryBlobs,
    blobs_at,
    fetched,
    name_of,
    stored,
)
from headrace.payloads.courier import Courier, TooLarge
from headrace.payloads.encryption import CONTENT_TYPE as SEALED
from headrace.payloads.encryption import Keys
from headrace.payloads.large import CONTENT_TYPE as BLOB
from headrace.payloads.large import MARK, holds_reference, reference_of
from headrace.payloads.sealing import Sealing
from headrace.runtime.payloads import courier_for
from headrace.runtime.settings import InvalidSettings, Settings

INLINE = 100_000
BIG = "x" * 200_000
JSON = "application/json"
CALL = "application/vnd.headrace.call+json"
SEALING = Sealing(Keys({"k": b"k" * 32}, "k"))


def start(value: Any, content_type: str = JSON) -> StartWorkflow:
    data = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return StartWorkflow(command_id="c", workflow_id="w", issued_at=1, name="n", input=data, content_type=content_type)


@pytest.fixture(params=["folder", "fsspec", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    """One contract for all stores."""
    match request.param:
        case "folder":
            yield FolderBlobs(tmp_path / "blobs")
        case "fsspec":
            yield FsspecBlobs(f"local://{tmp_path}/blobs")
        case _:
            yield MemoryBlobs()


def test_a_store_gives_back_what_was_put_and_putting_it_again_is_harmless(blobs: Blobs) -> None:
    name = stored(blobs, b"some data")
    assert stored(blobs, b"some data") == name == name_of(b"some data")
    assert fetched(blobs, name) == b"some data"


def test_a_store_says_what_is_missing(blobs: Blobs) -> None:
    with pytest.raises(BlobUnavailable, match=f"Expected blob {name_of(b'other')}"):
        fetched(blobs, name_of(b"other"))


def test_a_blob_that_was_changed_is_noticed(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    name = stored(blobs, b"some data")
    (tmp_path / name[7:9] / name).write_bytes(b"other data")
    with pytest.raises(BlobUnavailable, match="it has changed since"):
        fetched(blobs, name)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BlobUnavailable, match=r"Expected to store 1 bytes in .*file"):
        stored(FolderBlobs(tmp_path / "file"), b"x")


def test_storing_again_makes_a_blob_young(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    name = stored(blobs, b"some data")
    file = tmp_path / name[7:9] / name
    os.utime(file, (1, 1))
    stored(blobs, b"some data")
    assert file.stat().st_mtime > 1


@pytest.mark.parametrize("kind", ["folder", "fsspec"])
def test_what_is_old_is_cleaned_up_and_what_is_young_stays(tmp_path: Path, kind: str) -> None:
    blobs: Blobs = FolderBlobs(tmp_path) if kind == "folder" else FsspecBlobs(f"local://{tmp_path}")
    old, young = stored(blobs, b"old data"), stored(blobs, b"young")
    os.utime(tmp_path / old[7:9] / old, (1_000, 1_000))
    assert blobs.clean(2_000, dry_run=True) == Cleaned(1, 8)
    assert fetched(blobs, old) == b"old data"
    assert blobs.clean(2_000) == Cleaned(1, 8)
    assert blobs.clean(2_000) == Cleaned(0, 0)
    assert fetched(blobs, young) == b"young"
    with pytest.raises(BlobUnavailable):
        fetched(blobs, old)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", FolderBlobs),
        ("off", type(None)),
        ("/shared/blobs", FolderBlobs),
        ("file:///shared/blobs", FolderBlobs),
        ("memory://blobs", FsspecBlobs),
    ],
)
def test_a_setting_names_the_store(url: str, kind: type, tmp_path: Path) -> None:
    assert type(blobs_at(url, tmp_path)) is kind


def test_a_store_that_nobody_knows_is_refused_at_once() -> None:
    with pytest.raises(InvalidSettings, match="HEADRACE_BLOBS=nowhere://x"):
        courier_for(Settings(blobs="nowhere://x"))


VALUES: list[tuple[Any, str]] = [
    ({"rows": [BIG], "count": 1}, JSON),
    ([BIG, 2], JSON),
    (BIG, JSON),
    ({str(number): "y" * 60_000 for number in range(5)}, JSON),
    ({"args": [BIG, 1], "kwargs": {"b": BIG, "c": {"$blob": "no reference"}}}, CALL),
    (b"\x89PNG" + b"\x00" * 200_000, "image/png"),
]


@pytest.mark.parametrize("sealing", [Sealing(), SEALING], ids=["plain", "sealed"])
@pytest.mark.parametrize(("value", "kind"), VALUES, ids=lambda each: str(each)[:20])
def test_what_is_packed_is_small_and_comes_back_whole(value: Any, kind: str, sealing: Sealing) -> None:
    blobs = MemoryBlobs()
    courier = Courier(sealing, blobs, inline_bytes=INLINE)
    message = start(value, kind)
    packed = courier.packed(message, "w")
    assert len(packed.input) <= INLINE
    assert len(blobs) > 0
    assert courier.packed(packed, "w") == packed
    assert courier.packed(message, "w") == packed
    back = courier.unpacked(packed)
    assert back.content_type == kind
    if kind == "image/png":
        assert back.input == message.input
    else:
        assert msgspec.json.decode(back.input) == msgspec.json.decode(message.input)
    if sealing is SEALING:
        assert all(b"xxxx" not in data and b"PNG" not in data for data in blobs._stored.values())


def test_members_that_are_large_are_stored_by_themselves() -> None:
    courier = Courier(blobs=MemoryBlobs(), inline_bytes=INLINE)
    packed = courier.packed(start({"rows": [BIG], "count": 1}), "w")
    assert packed.content_type == JSON
    found = msgspec.json.decode(packed.input)
    assert found["count"] == 1
    reference = reference_of(found["rows"])
    assert reference is not None
    assert (reference.content_type, reference.size) == (JSON, len(BIG) + 4)
    assert MARK in packed.input


def test_what_cannot_be_taken_apart_is_stored_whole() -> None:
    packed = Courier(SEALING, MemoryBlobs(), inline_bytes=INLINE).packed(start([BIG]), "w")
    assert packed.content_type == BLOB
    reference = reference_of(msgspec.json.decode(packed.input))
    assert reference is not None
    assert reference.content_type == SEALED


def test_what_is_small_goes_inline_and_nothing_is_stored() -> None:
    blobs = MemoryBlobs()
    message = start({"count": 1})
    assert Courier(blobs=blobs, inline_bytes=INLINE).packed(message, "w") is message
    assert len(blobs) == 0


def test_a_schedule_packs_the_input_of_what_it_starts() -> None:
    courier = Courier(blobs=MemoryBlobs(), inline_bytes=INLINE)
    spec = ScheduleSpec(cron="* * * * *", name="n", input=msgspec.json.encode([BIG]))
    message = SetSchedule(command_id="c", workflow_id="s", issued_at=1, spec=spec)
    packed = courier.packed(message, "s")
    assert packed.spec.content_type == BLOB
    assert courier.unpacked(packed) == message


def test_without_a_store_what_is_large_is_refused() -> None:
    with pytest.raises(TooLarge, match=f"Expected a payload of at most {INLINE} bytes, but it has"):
        Courier(inline_bytes=INLINE).packed(start([BIG]), "w")
    with pytest.raises(TooLarge, match="Expected a payload of at most 150000 bytes"):
        Courier(blobs=MemoryBlobs(), inline_bytes=INLINE, limit_bytes=150_000).packed(start([BIG]), "w")


def test_without_a_store_a_reference_cannot_be_fetched() -> None:
    packed = Courier(blobs=MemoryBlobs(), inline_bytes=INLINE).packed(start([BIG]), "w")
    with pytest.raises(BlobUnavailable, match="HEADRACE_BLOBS is off here"):
        Courier().unpacked(packed)


@pytest.mark.parametrize(
    "value",
    [
        {"$blob": "sha256-00", "content_type": JSON, "size": 3},
        {"$blob": 3, "content_type": JSON, "size": 3},
        {"$blob": f"sha256-{'0' * 64}", "content_type": JSON},
        {"$blob": f"sha256-{'0' * 64}", "content_type": JSON, "size": 3, "more": 1},
        [{"blob": "x"}],
        None,
    ],
)
def test_what_only_looks_like_a_reference_is_none(value: Any) -> None:
    assert reference_of(value) is None
    assert not holds_reference(value)
    message = CompleteTask(
        command_id="c",
        workflow_id="w",
        issued_at=1,
        run_id="r",
        step=1,
        attempt=1,
        assignment=1,
        worker="x",
        output=msgspec.json.encode(value),
        started_at=1,
        ended_at=2,
    )
    assert msgspec.json.decode(Courier().unpacked(message).output) == value
