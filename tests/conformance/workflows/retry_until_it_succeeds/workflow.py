"""The same in Python."""

from typing import Any

from headrace import Retry, task, workflow


@task(retry=Retry(max_attempts=3, interval="1s"))
def flaky(value: int) -> int:
    """Stands for the one in tasks.py."""
    raise NotImplementedError


@workflow
async def retry_until_it_succeeds_python(ctx: Any, value: int) -> int:
    found: int = await ctx.run(flaky, value)
    return found
