"""Every setting of the local servers stands in one place, and says why."""

from __future__ import annotations

import pytest

from headrace.local.assets import asset


@pytest.mark.parametrize("name", ["kafka/broker.properties", "postgres/postgresql.conf"])
def test_every_setting_has_a_reason_above_it(name: str) -> None:
    has_reason = False
    for line in asset(name).read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("# ---"):
            has_reason = False
        elif line.startswith("#"):
            has_reason = True
        else:
            assert has_reason, f"{name}: no reason above {line!r}"


def test_no_setting_is_given_twice() -> None:
    lines = asset("kafka/broker.properties").read_text("utf-8").splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names))
    assert "auto.create.topics.enable" in names


def test_nobody_is_trusted_by_postgres() -> None:
    lines = asset("postgres/pg_hba.conf").read_text("utf-8").splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules == [["host", "all", "all", "127.0.0.1/32", "scram-sha-256"]]
