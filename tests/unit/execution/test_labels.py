"""Labels of a worker, as somebody types them, and as they reach the dispatcher."""

from __future__ import annotations

import pytest

from headrace.contracts.reports import WorkerHello
from headrace.runtime.settings import InvalidSettings
from headrace_execution.worker.book import Book
from headrace_execution.worker.labels import parse_labels


def test_labels_are_told_with_the_hello() -> None:
    labels = parse_labels(" gpu=yes, zone = a ,")
    assert labels == {"gpu": "yes", "zone": "a"}
    hello = Book("a", "p", {0: []}, labels=labels).report(0, 1)
    assert isinstance(hello, WorkerHello)
    assert hello.labels == labels
    assert parse_labels("") == {}


@pytest.mark.parametrize("text", ["gpu", "g pu=yes", "gpu=", "gpu=yes,gpu=no", "=x"])
def test_a_label_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings, match="label"):
        parse_labels(text)
