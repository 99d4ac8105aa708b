from __future__ import annotations

import pytest

from headrace.local.errors import LocalStackError
from headrace.local.settings import LocalSettings


def test_without_variables_the_defaults_hold() -> None:
    assert LocalSettings.load({}) == LocalSettings()


def test_variables_are_read_by_name() -> None:
    settings = LocalSettings.load({"HEADRACE_LOCAL_KAFKA_PORT": "20000", "HEADRACE_LOCAL_DURABILITY": "page-cache"})
    assert settings.kafka_port == 20000
    assert settings.durability == "page-cache"


@pytest.mark.parametrize(
    ("name", "value"), [("DURABILITY", "maybe"), ("KAFKA_PORT", "70000"), ("KAFKA_HEAP_MB", "much")]
)
def test_a_value_that_does_not_fit_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(LocalStackError, match=name.lower()):
        LocalSettings.load({f"HEADRACE_LOCAL_{name}": value})
