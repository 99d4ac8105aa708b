"""It bites: with any rule of the list taken out, some seed of a small range fails, and without that none does."""

from __future__ import annotations

import pytest

from tests.simulation.mutations.table import MUTATIONS, PATIENCE_ROUNDS, SEEDS, Mutation
from tests.simulation.run import SimulationFailed, simulate


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_some_seed_notices(mutation: Mutation) -> None:
    for seed in dict.fromkeys((*mutation.seeds, *range(SEEDS))):
        if _fails(mutation, seed):
            simulate(seed, changes=mutation.shape, patience_rounds=PATIENCE_ROUNDS)
            return
    pytest.fail(f"Expected one of {SEEDS} seeds to notice {mutation.name}, but none did")


def _fails(mutation: Mutation, seed: int) -> bool:
    try:
        with mutation.apply():
            simulate(seed, changes=mutation.shape, patience_rounds=PATIENCE_ROUNDS)
    except SimulationFailed:
        return True
    return False
