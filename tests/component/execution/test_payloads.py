"""What a worker does with payloads that are sealed, or too large for the log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.authoring.task_context import current
from headrace.authoring.tasks import task
from headrace.contracts.commands import CompleteTask, FailTask, StartWorkflow
from headrace.contracts.dispatch_events import AttemptsNoted
from headrace.contracts.task_events import TaskFailed, TaskScheduled
from headrace.payloads.blobs import FolderBlobs, MemoryBlobs
from headrace.payloads.courier import Courier
from headrace.payloads.encryption import CONTENT_TYPE as SEALED
from headrace.payloads.encryption import Keys
from headrace.payloads.large import CONTENT_TYPE as BLOB
from headrace.payloads.sealing import Sealing
from tests.component.execution import pooled
from tests.component.execution.mill import Mill

SEALING = Sealing(Keys({"k": b"k" * 32}, "k"))
OTHER = Sealing(Keys({"other": b"o" * 32}, "other"))
INLINE = 1_000
SECRET = b"5105-1051"


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def mill(blobs: MemoryBlobs) -> Iterator[Mill]:
    """A worker with keys and a store, and little room in the log."""
    mill = Mill(courier=Courier(SEALING, blobs, inline_bytes=INLINE))
    yield mill
    mill.close()


@task
def plain(text: str) -> dict[str, str]:
    return {"said": text}


@task
async def beside(rows: list[int]) -> list[int]:
    return rows


@task
def failing(text: str) -> None:
    raise ValueError(f"no {text}")


def sealed(mill: Mill, name: str, value: Any) -> TaskScheduled:
    """Schedule a task with an input that was packed on its way."""
    start = StartWorkflow(command_id="c", workflow_id="w", issued_at=0, name="n", input=msgspec.json.encode(value))
    packed = mill.courier.packed(start, "w-run")
    return mill.schedule(name, packed.input, content_type=packed.content_type)


def only_result(mill: Mill) -> CompleteTask | FailTask:
    mill.until(lambda: len(mill.results()) == 1)
    (found,) = mill.results()
    return found


def test_a_task_sees_what_is_sealed_and_its_result_is_sealed(mill: Mill) -> None:
    mill.start_worker("a", [plain])
    assert SECRET not in sealed(mill, "plain", {"text": SECRET.decode()}).input
    done = only_result(mill)
    assert isinstance(done, CompleteTask)
    assert (done.content_type, SECRET in done.output) == (SEALED, False)
    assert SEALING.opened(done).output == b'{"said":"5105-1051"}'


def test_the_text_of_an_exception_is_sealed_and_its_name_is_not(mill: Mill) -> None:
    mill.start_worker("a", [failing])
    sealed(mill, "failing", {"text": SECRET.decode()})
    failed = only_result(mill)
    assert isinstance(failed, FailTask)
    assert failed.error == "ValueError"
    assert failed.cause.startswith("sealed:v1.")
    assert SEALING.opened(failed).cause.startswith("ValueError: no 5105-1051")


def test_details_of_a_heartbeat_are_sealed_in_the_journal_and_readable_for_the_next_attempt(mill: Mill) -> None:
    told = threading.Event()

    @task
    def count() -> Any:
        if current().details is not None:
            return current().details
        current().heartbeat({"card": SECRET.decode()})
        told.wait(20)
        raise ValueError("halfway")

    mill.start_worker("a", [count])
    scheduled = sealed(mill, "count", {})
    mill.until(lambda: bool(mill.of(AttemptsNoted)), answering=False)
    assert SECRET not in msgspec.msgpack.encode(mill.of(AttemptsNoted))
    told.set()
    mill.until(lambda: len(mill.results()) == 1, answering=False)
    (failure,) = mill.results()
    failed = TaskFailed(
        workflow_id=scheduled.workflow_id,
        run_id=scheduled.run_id,
        step=scheduled.step,
        attempt=1,
        node="count",
        task="count",
        queue="default",
        error="ValueError",
        retry_at=1,
        assignment=failure.assignment,
        worker=failure.worker,
        at=0,
    )
    mill.decide(scheduled.workflow_id, failed, msgspec.structs.replace(scheduled, attempt=2))
    mill.until(lambda: len(mill.results()) == 2, answering=False)
    assert SEALING.opened(mill.results()[1]).output == b'{"card":"5105-1051"}'  # type: ignore[union-attr]


def test_a_worker_without_the_key_fails_the_attempt_and_says_which(blobs: MemoryBlobs) -> None:
    mill = Mill(courier=Courier(OTHER, blobs))
    mill.start_worker("a", [plain, beside, pooled.where])
    for name in ("plain", "beside", "where"):
        data = SEALING.sealed_data(b'{"text":"x"}')
        mill.schedule(name, data, content_type=SEALED)
    mill.until(lambda: len(mill.results()) == 3)
    for failed in mill.results():
        assert isinstance(failed, FailTask)
        assert (failed.error, failed.retryable) == ("headrace.PayloadUnreadable", True)
        assert "Expected key k in HEADRACE_PAYLOAD_KEYS, but found other" in OTHER.opened(failed).cause
    mill.close()


@pytest.mark.parametrize("sealing", [Sealing(), SEALING], ids=["plain", "sealed"])
def test_large_inputs_are_fetched_and_large_outputs_stored(sealing: Sealing, blobs: MemoryBlobs) -> None:
    mill = Mill(courier=Courier(sealing, blobs, inline_bytes=INLINE))
    mill.start_worker("a", [plain, beside, pooled.where], payload_bytes=1_000_000)
    rows = list(range(1_000))
    scheduled = [
        sealed(mill, "beside", rows),
        sealed(mill, "plain", {"text": "x" * 5_000}),
        sealed(mill, "where", {"text": "y" * 5_000}),
    ]
    assert all(event.content_type == BLOB for event in scheduled)
    assert len(blobs) == 3
    mill.until(lambda: len(mill.results()) == 3)
    first, second, third = mill.results()
    assert all(isinstance(done, CompleteTask) for done in (first, second, third)), mill.results()
    assert first.content_type == second.content_type == BLOB  # type: ignore[union-attr]
    assert msgspec.json.decode(mill.courier.unpacked(first).output) == rows  # type: ignore[union-attr]
    assert msgspec.json.decode(mill.courier.unpacked(second).output) == {"said": "x" * 5_000}  # type: ignore[union-attr]
    assert any(line.message == "printed " + "y" * 5_000 for line in mill.lines())
    mill.close()


def test_a_store_that_is_away_fails_the_attempt_which_may_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    mill = Mill(courier=Courier(blobs=FolderBlobs(tmp_path / "file"), inline_bytes=INLINE))
    mill.start_worker("a", [plain, beside], payload_bytes=1_000_000)
    mill.schedule("plain", msgspec.json.encode({"text": "x" * 900}))
    mill.schedule("plain", msgspec.json.encode({"text": "x" * 2_000}))
    mill.schedule("beside", msgspec.json.encode(list(range(1_000))))
    mill.until(lambda: len(mill.results()) == 3)
    small, *large = mill.results()
    assert isinstance(small, CompleteTask)
    for failed in large:
        assert isinstance(failed, FailTask)
        assert (failed.error, failed.retryable) == ("headrace.BlobUnavailable", True)
        assert "Expected to store" in failed.cause
    mill.close()


def test_without_a_store_a_large_output_is_refused() -> None:
    mill = Mill(courier=Courier(inline_bytes=INLINE))
    mill.start_worker("a", [plain], payload_bytes=1_000_000)
    mill.schedule("plain", msgspec.json.encode({"text": "x" * 2_000}))
    failed = only_result(mill)
    assert isinstance(failed, FailTask)
    assert failed.error == "headrace.OutputTooLarge"
    mill.close()


def test_a_result_of_the_wrong_type_is_refused_by_the_worker(mill: Mill) -> None:
    @task
    def lying(text: str) -> int:
        return text  # type: ignore[return-value]

    mill.start_worker("a", [lying])
    sealed(mill, "lying", {"text": "three"})
    failed = only_result(mill)
    assert isinstance(failed, FailTask)
    assert (failed.error, failed.retryable) == ("headrace.ResultMismatch", False)
