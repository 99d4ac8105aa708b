"""Every limit of the engine is a setting."""

from __future__ import annotations

import msgspec

from headrace.engine.context import Limits
from headrace.runtime.decision_settings import DecisionSettings
from headrace.runtime.settings import Settings
from headrace_decision.wiring import limits_of

OF_ALL_SERVICES = {"payload_bytes", "decision_bytes", "cause_bytes"}


def test_every_limit_has_a_setting_of_its_name() -> None:
    assert set(Limits.__struct_fields__) - OF_ALL_SERVICES <= set(DecisionSettings.__struct_fields__)


def test_what_is_set_is_the_limit() -> None:
    names = [name for name in Limits.__struct_fields__ if name not in OF_ALL_SERVICES]
    tuned = msgspec.structs.replace(DecisionSettings(), **{name: 1_000 + at for at, name in enumerate(names)})
    limits = limits_of(Settings(), tuned)
    assert [getattr(limits, name) for name in names] == [1_000 + at for at in range(len(names))]
    assert limits.payload_bytes == Settings().payload_limit_bytes
