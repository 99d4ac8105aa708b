"""Tasks that come along. An app offers one by importing it: `from headrace.tasks import http_task, subprocess_task`."""

from headrace.tasks.http_task import http_task
from headrace.tasks.subprocess_task import subprocess_task

__all__ = ["http_task", "subprocess_task"]
