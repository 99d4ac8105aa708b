"""The labels of a worker, as they are set: `gpu=yes, zone=a`. A task can require them."""

from __future__ import annotations

from headrace.engine.graph.rules import PARSERS
from headrace.runtime.settings import InvalidSettings


def parse_labels(text: str) -> dict[str, str]:
    """Return labels by name.

    Raises:
        InvalidSettings: the text does not fit.
    """
    labels: dict[str, str] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        name, found, value = (word.strip() for word in part.partition("="))
        if not found or name in labels:
            raise InvalidSettings(f"Expected labels such as 'gpu=yes, zone=a', each once, but found {part!r}")
        try:
            labels |= PARSERS["require"]({name: value})
        except ValueError as error:
            raise InvalidSettings(f"labels of the worker: {error}") from None
    return labels
