"""Values come out of the journal as what they were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from headrace import WorkflowContext, task, workflow


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True)
class Order:
    id: UUID
    at: datetime
    size: Size
    seal: bytes


@task
def later(order: Order) -> Order:
    return replace(order, at=order.at + timedelta(days=1))


@workflow
async def typed(ctx: WorkflowContext, order: Order) -> list[object]:
    found = await ctx.run(later, order)
    return [found.at, found.size, len(found.seal), found.id]
