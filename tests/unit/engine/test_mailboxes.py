"""Signals in their order, whoever asks and gives up meanwhile."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.kernel.futures import Fiber
from headrace.engine.kernel.mailboxes import Mailboxes, Receipt
from headrace.engine.kernel.outcomes import SUCCEEDED, Outcome


def signal(number: int) -> Outcome:
    return Outcome(SUCCEEDED, str(number).encode())


def test_who_gives_up_what_it_has_got_hands_it_to_the_next() -> None:
    boxes, ready = Mailboxes(), deque[Fiber[Any]]()
    first, second = boxes.receive("a", ready), boxes.receive("a", ready)
    boxes.put("a", 7, signal(7), ready)
    assert (first.done, second.done) == (True, False)
    boxes.withdraw(first, ready)
    assert second.result() == signal(7)


def test_what_was_given_up_goes_back_to_its_place() -> None:
    boxes, ready = Mailboxes(), deque[Fiber[Any]]()
    receipts = [boxes.receive("a", ready) for _ in range(2)]
    for number in (1, 2, 3):
        boxes.put("a", number, signal(number), ready)
    for receipt in receipts:
        boxes.withdraw(receipt, ready)
    assert boxes.unread() == [1, 2, 3]
    assert boxes.receive("a", ready).result() == signal(1)


def test_who_waits_no_longer_gets_none() -> None:
    boxes, ready = Mailboxes(), deque[Fiber[Any]]()
    receipt = boxes.receive("a", ready)
    boxes.withdraw(receipt, ready)
    assert receipt.result() is None
    boxes.put("a", 1, signal(1), ready)
    assert boxes.unread() == [1]


@given(st.lists(st.tuples(st.sampled_from(("put", "ask", "give up")), st.sampled_from("ab"), st.integers(0, 5))))
def test_no_signal_is_lost_or_received_twice(moves: list[tuple[str, str, int]]) -> None:
    boxes, ready = Mailboxes(), deque[Fiber[Any]]()
    asked: dict[str, list[Receipt]] = {"a": [], "b": []}
    sent: dict[str, list[int]] = {"a": [], "b": []}
    for number, (what, name, which) in enumerate(moves):
        if what == "put":
            sent[name].append(number)
            boxes.put(name, number, signal(number), ready)
        elif what == "ask":
            asked[name].append(boxes.receive(name, ready))
        elif asked[name]:
            boxes.withdraw(asked[name].pop(which % len(asked[name])), ready)
        for each, receipts in asked.items():
            held = [receipt.number for receipt in receipts if receipt.done]
            left = [at for at in boxes.unread() if at in sent[each]]
            assert sorted(held + left) == sent[each]
            # Nobody waits while something is there.
            assert not left or all(receipt.done for receipt in receipts)
    assert len(boxes) == len(boxes.unread())
