"""Whether a run would go on with a version of its definition: its record is replayed beside it, and nothing changes."""

from __future__ import annotations

import msgspec

from headrace.engine.activations import DefinitionMissing, UnknownInterpreter
from headrace.engine.budget import BudgetExceeded
from headrace.engine.context import Context
from headrace.engine.kernel.kernel import Kernel
from headrace.engine.kernel.outcomes import NonDeterministic
from headrace.engine.run import Run

REPLAY_MISMATCH = "headrace.ReplayMismatch"


class Problem(msgspec.Struct, frozen=True):
    """Why a run would not go on with a version."""

    error: str
    cause: str


def tried(context: Context, run: Run, version: str) -> Kernel | Problem:
    """Return the kernel of a replay that agrees, or why none does. It takes as long as the record is long."""
    wanted = f"{run.name}@{version}"
    try:
        return context.activations.trial(run, version)
    except NonDeterministic as error:
        return Problem(REPLAY_MISMATCH, f"Expected {wanted} to ask for what is recorded, but it parts: {error}")
    except (DefinitionMissing, UnknownInterpreter) as error:
        return Problem(f"headrace.{type(error).__name__}", str(error))
    except BudgetExceeded as error:
        return Problem("headrace.BudgetExceeded", f"with {wanted}: {error}")
    except Exception as error:  # noqa: BLE001 (a definition that does not load, say: no other workflow must suffer)
        return Problem("headrace.ActivationFailed", f"with {wanted}: {type(error).__name__}: {error}")
