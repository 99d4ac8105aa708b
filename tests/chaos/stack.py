"""All services on Kafka and Postgres, each process on its own strings: what `headrace dev` runs, and more of it.

`headrace dev` runs one of each and one broker; chaos wants several processes of a service, three brokers, and the
right to leave something dead, frozen or old.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.local.ports import LOOPBACK, choose_port
from headrace.local.postgres import OWNER, READER, ensure_roles, postgres_child, prepare_postgres, wait_for_postgres
from headrace.local.postgres_home import remove_home
from headrace.local.process import Child, ChildSpec
from headrace.local.services import APP_SERVICES, READY_FILE
from headrace.local.settings import LocalSettings
from headrace.local.state import StateDir
from headrace.runtime.settings import Settings
from headrace.shard.topics import ensure_topics
from tests.chaos.kinds import APPS
from tests.chaos.versioned import VARIABLE
from tests.support.cluster import Cluster
from tests.support.processes import Processes

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = ("decision", "dispatcher", "worker", "resources", "listener", "status")
NAMESPACE = "chaos"
READY_S = 120.0
_POLL_S = 0.02
# What a service must not inherit: it would find another stack, or write elsewhere.
_OURS = ("HEADRACE_", "OTEL_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large a stack is. Times in ms."""

    brokers: int = 1
    shards: int = 4
    workers: int = 2
    slots: int = 16
    session_timeout_ms: int = 6_000
    durability: str = "fsync"
    environment: Mapping[str, str] | None = None


class ChaosStack:
    """Processes by name: `kafka` or `kafka-1` to `-3`, `postgres`, and a service's name with an optional suffix."""

    def __init__(self, folder: Path, shape: Shape, say: Callable[[str], None]) -> None:
        self.shape = shape
        self.processes = Processes(say)
        self.cluster = Cluster(folder, brokers=shape.brokers, durability=shape.durability)  # type: ignore[arg-type]
        self._state = StateDir(folder / "services")
        self._state.create()
        local = LocalSettings()
        self._postgres = prepare_postgres(self._state, port=choose_port(), user_name=local.postgres_user)
        self._api = f"http://{LOOPBACK}:{choose_port()}"
        self.environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith(_OURS)},
            "HEADRACE_KAFKA": self.cluster.bootstrap,
            "HEADRACE_API": self._api,
            "HEADRACE_NAMESPACE": NAMESPACE,
            "HEADRACE_STATE": str(self._state.root),
            "HEADRACE_DECISION_SHARDS": str(shape.shards),
            "HEADRACE_REPLICATION_FACTOR": str(self.cluster.replication_factor),
            # Often, so that every act falls on some shard's checkpoint, and every recovery begins at one.
            "HEADRACE_CHECKPOINT_MS": "2000",
            "HEADRACE_SESSION_TIMEOUT_MS": str(shape.session_timeout_ms),
            **(shape.environment or {}),
        }
        self.settings = Settings.load(self.environment)

    @property
    def reader(self) -> str:
        """The DSN of the role that can only read."""
        return self._postgres.dsn(READER)

    def start(self) -> None:
        """Start everything, and return when all of it is ready."""
        for spec in self.cluster.specs.values():
            self.processes.start(spec)
        self.processes.start(postgres_child(self._postgres))
        self._prepare_postgres()
        self.cluster.wait()
        ensure_topics(self.settings, timeout_s=READY_S)
        self.deploy()
        for service in SERVICES:
            names = [f"worker-{n}" for n in range(1, self.shape.workers + 1)] if service == "worker" else [service]
            for name in names:
                self.add(name)
        self.wait("all services", self.all_ready, READY_S)

    def add(self, name: str, *, newer_by: int = 0) -> None:
        """Start a process: `decision`, or one more as `decision-b`; `newer_by` raises its code version."""
        self.processes.start(self._service(name, newer_by))

    def all_ready(self) -> bool:
        """Tell whether everything that should run does, and is ready."""
        return all(self.processes.is_ready(name) for name in self.processes.wanted())

    def wait(self, what: str, probe: Callable[[], bool], timeout_s: float) -> None:
        """Return when `probe` says yes; what dies meanwhile comes back."""
        deadline = time.monotonic() + timeout_s
        while not probe():
            self.processes.tick()
            assert time.monotonic() < deadline, f"Expected {what} within {timeout_s:g} s, but it did not come"
            time.sleep(_POLL_S)

    def deploy(self) -> None:
        """Publish the definitions."""
        command = [sys.executable, "-m", "headrace", "deploy", *APPS]
        done = subprocess.run(
            command, env=self.environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=READY_S, check=False
        )
        assert done.returncode == 0, f"Expected to deploy {APPS}, but: {done.stderr}"

    def close(self) -> None:
        """Stop everything: the services, then Postgres, then Kafka."""
        servers = ("kafka", "postgres")
        self.processes.close(lambda name: not name.startswith(servers), lambda name: name == "postgres")
        remove_home(self._state.postgres)

    def _prepare_postgres(self) -> None:
        child: Child = self.processes.child("postgres")
        wait_for_postgres(child, self._postgres, READY_S)
        ensure_roles(self._postgres)

    def _service(self, name: str, newer_by: int) -> ChildSpec:
        service = name.split("-", maxsplit=1)[0]
        command = [sys.executable, "-m", "tests.chaos.versioned", "service", service]
        if service in APP_SERVICES:
            command += ["--app", APPS[0]]
        if service == "worker":
            command += ["--name", name, "--slots", str(self.shape.slots)]
        ready_file = self._state.run / f"{name}.ready"
        environment = {**self.environment, READY_FILE: str(ready_file), VARIABLE: str(newer_by)}
        if service == "status":
            environment |= {
                "HEADRACE_POSTGRES": self._postgres.dsn(OWNER),
                "HEADRACE_POSTGRES_READER": self._postgres.dsn(READER),
                "HEADRACE_API": self._api if name == "status" else f"http://{LOOPBACK}:{choose_port()}",
            }
        return ChildSpec(
            name=name,
            command=command,
            log_path=self._state.log(name),
            environment=environment,
            working_dir=CHECKOUT,
            ready_file=ready_file,
        )


@contextmanager
def running_stack(folder: Path, shape: Shape, say: Callable[[str], None]) -> Iterator[ChaosStack]:
    """Run a stack inside the `with` block. On an exception the ends of all logs are said."""
    stack = ChaosStack(folder, shape, say)
    try:
        stack.start()
        yield stack
    except BaseException:
        say(stack.processes.log_tails())
        raise
    finally:
        stack.close()
