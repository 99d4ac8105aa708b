"""It bites: with any rule of the list taken out, some seed of a small range fails, and without that none does."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytest

from tests.simulation.mutations.table import MUTATIONS, PATIENCE_ROUNDS, SEEDS, Mutation
from tests.simulation.run import SimulationFailed, simulate


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_some_seed_notices(mutation: Mutation) -> None:
    for seed in dict.fromkeys((*mutation.seeds, *range(SEEDS))):
        # A seed that fails without the mutation, too, needs more patience than there is here, and says nothing.
        if _fails(mutation.apply(), mutation, seed) and not _fails(nullcontext(), mutation, seed):
            return
    pytest.fail(f"Expected one of {SEEDS} seeds to notice {mutation.name}, but none did")


def _fails(change: AbstractContextManager[None], mutation: Mutation, seed: int) -> bool:
    try:
        with change:
            simulate(
                seed,
                changes={"schedules": 0, "waits": 0.0, "keepers": 0.0, "operators": 0.0, **mutation.shape},
                patience_rounds=PATIENCE_ROUNDS,
            )
    except SimulationFailed:
        return True
    return False
