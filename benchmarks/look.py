"""A closer look at a run while it is measured: threads and profiles, as far as somebody asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.profile import profiling
from benchmarks.threads import cpu_by_thread, thread_table, thread_times


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What to show besides the figures. `profile` is the folder for profiles, `profiler` the path of py-spy."""

    threads: bool = False
    profile: Path | None = None
    profiler: str = ""

    @property
    def disturbs(self) -> bool:
        """Tell whether looking changes the figures."""
        return self.profile is not None

    @contextmanager
    def during(
        self,
        title: str,
        pids: Callable[[], Mapping[str, int]],
        count: Callable[[], int],
        say: Callable[[str], None],
    ) -> Iterator[None]:
        """Look at these processes inside the `with` block. `count` tells at its end how many workflows have run."""
        with ExitStack() as stack:
            if self.profile is not None:
                stack.enter_context(profiling(self.profile, title, pids(), self.profiler, say))
            before = thread_times(pids()) if self.threads else None
            yield
            if before is not None:
                say(thread_table(cpu_by_thread(before, thread_times(pids()), count())))
