"""The views: the read model's contract with everybody who writes SQL, and the only thing that the read API sees.

Within a version of the contract columns are only added, at the end; taking one away or changing its meaning makes a new
version in a schema of its own beside this one. Views are made anew, from here, whenever a service with newer ones
starts.
"""

from __future__ import annotations

from headrace_status.model import io_views, system_views, workflow_views
from headrace_status.model.view import View

CONTRACT_VERSION = 1
VIEWS: tuple[View, ...] = (
    workflow_views.WORKFLOWS,
    workflow_views.TASKS,
    workflow_views.HISTORY,
    system_views.DEFINITIONS,
    system_views.QUEUES,
    system_views.WORKERS,
    system_views.RESOURCES,
    system_views.LISTENERS,
    io_views.IO_STATS,
    io_views.IO_RUNS,
    workflow_views.REFUSALS,
    workflow_views.LOGS,
    workflow_views.NODES,
    workflow_views.PUBLISHED,
    workflow_views.RUNS,
    workflow_views.SCHEDULES,
    workflow_views.SCHEDULE_RUNS,
    system_views.POSITIONS,
    system_views.INPUTS,
    system_views.FORWARDS,
    system_views.REFUSED_ROWS,
)
