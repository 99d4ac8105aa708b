"""A service's lines on their way to the logs topic: what they hold, and that they never harm who logs them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from headrace.contracts.log_lines import LogLine
from headrace.runtime import logging as logs
from headrace.runtime.log_shipping import LogShipper, leave_out

LIMIT = 400


class Sender:
    """Takes so many lines, then none until there is room again; may log itself, or break."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.room = 1_000
        self.given_up = 0
        self.logs = False
        self.broken = False
        self.shipper = LogShipper("decision", self, source="box-1", limit_bytes=LIMIT)

    def send(self, line: LogLine) -> bool:
        if self.broken:
            raise RuntimeError("broken")
        if self.logs:
            logging.getLogger("kafka").error("could not send %s", line.message)
        if self.room <= 0:
            return False
        self.room -= 1
        self.lines.append(line)
        return True

    def lost(self) -> int:
        lost, self.given_up = self.given_up, 0
        return lost

    def flush(self) -> None:
        logging.getLogger("kafka").error("flushing")


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender()
    root = logging.getLogger()
    level = root.level
    root.addHandler(sender.shipper)
    root.setLevel("INFO")
    yield sender
    root.removeHandler(sender.shipper)
    root.setLevel(level)


log = logging.getLogger("headrace.test")


def test_a_line_carries_what_it_is_about(sender: Sender) -> None:
    with logs.bind(workflow_id="w-1", run_id="r-1", traceparent="00-a-b-01", listener="tell"):
        log.warning("shard %d waits", 3, extra={"step": 4, "topic": "logs"})
    (line,) = sender.lines
    assert (line.service, line.source, line.level, line.logger) == ("decision", "box-1", "warning", "headrace.test")
    assert (line.message, line.workflow_id, line.run_id, line.step) == ("shard 3 waits", "w-1", "r-1", 4)
    assert line.trace == "00-a-b-01"
    assert json.loads(line.fields) == {"listener": "tell", "topic": "logs"}
    assert line.at > 1_600_000_000_000


def test_a_traceback_is_a_field_and_everything_is_bounded(sender: Sender) -> None:
    try:
        raise ValueError("x" * 10_000)
    except ValueError:
        log.exception("ä" * 10_000, extra={"dump": "y" * 10_000})
    (line,) = sender.lines
    assert "cut: 20000 bytes in all" in line.message
    assert len(line.message.encode()) < LIMIT + 60
    fields = json.loads(line.fields)
    assert set(fields) == {"exception", "dump"}
    assert len(line.fields) < 2 * LIMIT


def test_what_finds_no_room_is_dropped_and_the_next_line_says_how_many(sender: Sender) -> None:
    sender.room = 1
    for n in range(4):
        log.info("line %d", n)
    sender.room, sender.given_up = 10, 2
    log.info("again")
    log.info("and again")
    assert [line.message for line in sender.lines] == [
        "line 0",
        "[5 lines of this process were dropped while the log did not answer]",
        "again",
        "and again",
    ]


def test_what_the_shipping_itself_logs_is_not_shipped(sender: Sender) -> None:
    sender.logs = True
    log.info("one")
    sender.shipper.flush()
    assert [line.message for line in sender.lines] == ["one"]


def test_what_is_said_about_shipped_lines_is_not_shipped(sender: Sender) -> None:
    log.warning("a line was refused", extra={"ship": False})
    log.warning("something else was", extra={"ship": True})
    assert [(line.message, line.fields) for line in sender.lines] == [("something else was", "")]


def test_nothing_that_goes_wrong_harms_who_logs(sender: Sender) -> None:
    sender.broken = True
    log.info("one")
    sender.broken = False
    broken = logging.makeLogRecord({"msg": "%d", "args": ("not a number",)})
    sender.shipper.handle(broken)
    log.info("two")
    assert sender.lines[-1].message == "two"
    assert sender.lines[0].message == "[2 lines of this process were dropped while the log did not answer]"


def test_lines_that_somebody_else_ships_are_left_out(sender: Sender) -> None:
    end = leave_out(lambda record: record.getMessage() == "a task's")
    log.info("a task's")
    log.info("the worker's")
    end()
    log.info("a task's")
    assert [line.message for line in sender.lines] == ["the worker's", "a task's"]
