"""What is done to a stack: each act disturbs it, waits until it has recovered, and keeps the times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from headrace.contracts import topics
from headrace.local.process import tail
from tests.chaos.run import Mark, Run, every
from tests.support.checkers.reigns import longest_gap_ms

Act = Callable[[Run], None]
JOURNAL = {
    "decision": topics.WORKFLOW_JOURNAL,
    "dispatcher": topics.TASK_JOURNAL,
    "resources": topics.RESOURCE_JOURNAL,
}


def kill(*names: str) -> Act:
    """`kill -9` these processes at once; they come back."""

    def act(run: Run) -> None:
        mark = run.mark()
        for name in names:
            run.stack.processes.kill(name)
        figures = run.recovered(mark)
        run.until(f"{names} to be back", run.stack.all_ready)
        run.measured(f"kill {' '.join(names)}", **figures, stall_s=_stall_s(run, mark))

    return act


def kill_leader(run: Run) -> None:
    """`kill -9` the broker that leads the most journals and commands; it stays away until others lead."""
    cluster, processes = run.stack.cluster, run.stack.processes
    namespace = run.stack.settings.namespace
    name = cluster.leads_most({f"{namespace}.{topic}" for topic in (*topics.JOURNALS, topics.WORKFLOW_COMMANDS)})
    mark = run.mark()
    processes.kill(name, comes_back=False)
    figures = run.recovered(mark)
    run.measured(f"kill leader {name}", **figures, stall_s=_stall_s(run, mark))
    mark = run.mark()
    processes.bring_back(name)
    figures = run.recovered(mark)
    in_sync_s = run.until("all replicas to be in sync", cluster.in_sync)
    run.measured(f"{name} is back", **figures, in_sync_s=round(in_sync_s, 3), stall_s=_stall_s(run, mark))


def freeze_owner(service: str) -> Act:
    """SIGSTOP the process that has a shard until a second process of its service has taken over; then SIGCONT."""

    def act(run: Run) -> None:
        processes, second = run.stack.processes, f"{service}-b"
        run.stack.add(second)
        run.until(f"{second} to be ready", lambda: processes.is_ready(second))
        victim, owned = _owner(run, service)
        mark = run.mark()
        processes.freeze(victim)
        taken_s = 0.0
        if owned:
            before = run.history.owners()
            taken_s = run.until(
                f"another process to take {service} {owned} over",
                lambda: all(run.history.owners()[where] != before[where] for where in owned),
            )
        figures = run.recovered(mark)
        run.measured(f"freeze {victim}", **figures, taken_s=round(taken_s, 3), stall_s=_stall_s(run, mark))
        mark = run.mark()
        processes.thaw(victim)
        run.measured(f"thaw {victim}", **run.recovered(mark), stall_s=_stall_s(run, mark))
        stop(second)(run)

    return act


def freeze(name: str, *, read_model: bool = True) -> Act:
    """SIGSTOP a process that nobody replaces until the others have gone on without it; then SIGCONT."""

    def act(run: Run) -> None:
        mark = run.mark()
        run.stack.processes.freeze(name)
        figures = run.recovered(mark, read_model=read_model)
        run.measured(f"freeze {name}", **figures, stall_s=_stall_s(run, mark))
        mark = run.mark()
        run.stack.processes.thaw(name)
        run.measured(f"thaw {name}", **run.recovered(mark), stall_s=_stall_s(run, mark))

    return act


def stop(name: str) -> Act:
    """Stop a process politely, for good."""

    def act(run: Run) -> None:
        mark = run.mark()
        run.stack.processes.ask_to_stop(name)
        run.until(f"{name} to end", lambda: run.stack.processes.exit_code(name) is not None)
        run.measured(f"stop {name}", **run.recovered(mark), stall_s=_stall_s(run, mark))

    return act


def _owner(run: Run, service: str) -> tuple[str, list[tuple[str, int]]]:
    """Return a process of a service that has a shard, and its journal partitions; of others, the first process."""
    journal = JOURNAL.get(service)
    if journal is None:
        return service, []
    owners = {where: process for where, process in run.history.owners().items() if where[0] == journal}
    process = owners[journal, 0]
    name = run.stack.processes.named(int(process.rsplit(":", 1)[1]))
    assert name is not None, f"Expected {process} to run, but no child has that id"
    return name, [where for where, owner in owners.items() if owner == process]


def _stall_s(run: Run, mark: Mark) -> float:
    """Return the longest time since a moment in which some decision shard recorded nothing."""
    now = run.mark()
    gaps = (
        longest_gap_ms(run.history, topics.WORKFLOW_JOURNAL, shard, mark.at_ms, now.at_ms)
        for shard in range(run.stack.shape.shards)
    )
    return max(gaps) / 1000


def add_process(name: str) -> Act:
    """Add a decision process: shards move to it without stopping the others."""

    def act(run: Run) -> None:
        _rebalance(run, f"add {name}", lambda: run.stack.add(name))

    return act


def remove_process(name: str) -> Act:
    """Stop a decision process politely: its shards move, the others stay."""

    def act(run: Run) -> None:
        _rebalance(run, f"remove {name}", lambda: run.stack.processes.ask_to_stop(name))

    return act


def upgrade(service: str) -> Act:
    """Replace a process by a newer release, side by side; then start the older release again, which must decline."""

    def act(run: Run) -> None:
        stack, processes, journal = run.stack, run.stack.processes, JOURNAL[service]
        newer, older = f"{service}-newer", f"{service}-older"
        before = _versions(run, journal)
        mark = run.mark()
        stack.add(newer, newer_by=1)
        run.until(f"{newer} to be ready", lambda: processes.is_ready(newer))
        figures = run.recovered(mark)
        run.measured(f"{newer} beside {service}", **figures, stall_s=_stall_s(run, mark))
        mark = run.mark()
        processes.ask_to_stop(service)
        run.until(
            f"all shards of {service} to be run by {newer}",
            lambda: all(version > before[where] for where, version in _versions(run, journal).items()),
        )
        figures = run.recovered(mark)
        run.measured(f"{service} is upgraded", **figures, stall_s=_stall_s(run, mark))
        mark = run.mark()
        stack.add(older)
        processes.may_end(older)
        # The newer one stays away until then, so that the group must give its shards to the older one.
        processes.kill(newer, comes_back=False)
        run.until(f"{older} to decline", lambda: processes.exit_code(older) is not None)
        processes.bring_back(newer)
        declined = tail(processes.child(older).spec.log_path, 20)
        assert "start the newer release" in declined, f"Expected {older} to decline, but it ended for: {declined}"
        run.measured(f"{older} has declined", **run.recovered(mark), stall_s=_stall_s(run, mark))

    return act


def _rebalance(run: Run, name: str, change: Callable[[], None]) -> None:
    # After an outage the group may still be moving shards about, and this is not to be measured.
    run.until("the group to have settled", every(0.2, lambda: _has_settled(run)))
    quiet = run.mark()
    run.recovered(quiet)
    mark = run.mark()
    before, reigns = _decision_owners(run), len(run.history.reigns)
    change()
    settled_s = run.until("the decision processes to have equal parts", lambda: _is_balanced(run))
    run.recovered(run.mark())
    after, now_ms = _decision_owners(run), run.mark().at_ms
    stalls = {shard: longest_gap_ms(run.history, topics.WORKFLOW_JOURNAL, shard, mark.at_ms, now_ms) for shard in after}
    usual = max(longest_gap_ms(run.history, topics.WORKFLOW_JOURNAL, s, quiet.at_ms, mark.at_ms) for s in after)
    moved = {shard for shard in after if after[shard] != before[shard]}
    assert moved, f"Expected {name} to move shards, but the owners are {after}"
    # Whoever keeps a shard goes on in the same reign: only a checkpoint may begin another one.
    stopped = {
        r.partition
        for r in run.history.reigns[reigns:]
        if r.topic == topics.WORKFLOW_JOURNAL and not r.started.checkpoint and r.partition not in moved
    }
    assert not stopped, f"Expected shards {sorted(after.keys() - moved)} to go on, but {sorted(stopped)} began anew"
    run.measured(
        name,
        settled_s=round(settled_s, 3),
        moved=sorted(moved),
        moved_stall_ms=max(stalls[shard] for shard in moved),
        stayed_stall_ms=max((stalls[shard] for shard in after if shard not in moved), default=None),
        usual_gap_ms=usual,
    )


def _is_balanced(run: Run) -> bool:
    """Tell whether every decision process that should run has as many shards as any other, give or take one."""
    wanted = [name for name in run.stack.processes.wanted() if name.startswith("decision")]
    parts = Counter(int(owner.rsplit(":", 1)[1]) for owner in _decision_owners(run).values())
    counts = [parts.pop(run.stack.processes.child(name).pid, 0) for name in wanted]
    return not parts and max(counts) - min(counts) <= 1


def _has_settled(run: Run) -> bool:
    """Tell whether the group's members have the shards that they ran last."""
    parts: dict[str, set[int]] = {}
    for shard, owner in _decision_owners(run).items():
        parts.setdefault(owner, set()).add(shard)
    found = run.stack.cluster.parts_of_group(f"{run.stack.settings.namespace}.decision")
    return found is not None and sorted(map(sorted, filter(None, found))) == sorted(map(sorted, parts.values()))


def _decision_owners(run: Run) -> dict[int, str]:
    return {n: owner for (topic, n), owner in run.history.owners().items() if topic == topics.WORKFLOW_JOURNAL}


def _versions(run: Run, journal: str) -> dict[tuple[str, int], int]:
    return {
        (reign.topic, reign.partition): reign.started.code_version
        for reign in run.history.reigns
        if reign.topic == journal
    }
