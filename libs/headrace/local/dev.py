"""`headrace dev`: the local stack and the services, until Ctrl-C.

Order of events: lock the state, prepare and start Kafka and Postgres side by side, make the topics, start the services
and deploy the apps meanwhile, wait until every service has said that it is ready, announce, watch over all of them.
On the way down: services, then Postgres, then Kafka.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import msgspec

from headrace.local.announcement import Announcement, write_dev_json
from headrace.local.dev_options import DevOptions
from headrace.local.errors import LocalStackError
from headrace.local.ports import LOOPBACK, choose_port, require_free
from headrace.local.postgres import OWNER, READER
from headrace.local.restart import RestartPolicy
from headrace.local.services import APP_SERVICES, ServicePlan, service_children, service_names
from headrace.local.settings import LocalSettings
from headrace.local.stack import Servers, prepare_servers, remove_data, wait_for_servers
from headrace.local.state import StateDir
from headrace.local.stop_signals import StopRequested, StopSignals, stop_signals
from headrace.local.supervisor import Supervisor
from headrace.local.watch import app_directories, watching

_TICK_S = 0.1
# Loading user code and a handful of produced records; longer means that something at import waits for ever.
_DEPLOY_TIMEOUT_S = 120


def run_dev(options: DevOptions) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP; returns after everything has stopped. Call it from the main thread.

    Raises LocalStackError when something could not be started; by then everything has been stopped again.
    """
    state = StateDir(options.state.absolute())
    state.create()
    with state.locked(), stop_signals() as signals:
        if options.fresh:
            remove_data(state)
        state.dev_json.unlink(missing_ok=True)  # Left by a stack that was killed: its addresses are nobody's.
        _Dev(options, state, signals).run()


class _Dev:
    """One run of the stack."""

    def __init__(self, options: DevOptions, state: StateDir, signals: StopSignals) -> None:
        """Nothing runs yet."""
        self._options = options
        self._settings = _settings(options)
        self._state = state
        self._signals = signals
        self._supervisor = Supervisor(
            RestartPolicy(
                pause_ms=self._settings.restart_pause_ms,
                pause_max_ms=self._settings.restart_pause_max_ms,
                stable_ms=self._settings.restart_stable_ms,
                start_attempts=self._settings.start_attempts,
            ),
            say=_say,
            on_change=self._announce,
        )
        self._environment: dict[str, str] = {}
        self._announcement: Announcement | None = None

    def run(self) -> None:
        """Start everything, watch over it, stop everything."""
        try:
            # Watching begins first: a file that is saved while the servers start is not missed.
            with self._changes() as changed:
                self._start()
                self._watch_over(changed)
        except StopRequested:
            _say("stopping ...")
        finally:
            self._signals.begin_stopping()
            self._state.dev_json.unlink(missing_ok=True)
            services = [name for _, name in service_names(self._options.workers)]
            self._supervisor.stop((services, ["postgres"], ["kafka"]), at_once=self._signals.is_impatient)

    def _start(self) -> None:
        options, timeout_s = self._options, self._settings.ready_timeout_s
        servers = prepare_servers(self._state, self._settings, say=_say)
        kafka, postgres = (self._supervisor.start(spec) for spec in servers.children())
        wait_for_servers(servers, kafka=kafka, postgres=postgres, timeout_s=timeout_s)
        options.make_topics(servers.kafka.bootstrap, options.namespace)

        self._environment = self._service_environment(servers)
        names = self._start_services(servers)
        if not self._deploy() and not options.watch:
            raise LocalStackError(f"Expected to deploy {', '.join(options.apps)}, but that failed: see above.")
        self._supervisor.wait_until_announced(names, timeout_s)

        self._announcement = Announcement(
            kafka=servers.kafka.bootstrap,
            api=self._environment["HEADRACE_API"],
            postgres=servers.postgres.dsn(READER),
            namespace=options.namespace,
            state=self._state.root,
        )
        self._announce(self._supervisor.pids())
        line = self._announcement.line(self._supervisor.pids())
        print(line if options.json else _greeting(self._announcement), flush=True)

    def _watch_over(self, changed: threading.Event) -> None:
        concerned = [name for service, name in service_names(self._options.workers) if service in APP_SERVICES]
        while True:
            self._supervisor.tick()
            if changed.is_set():
                changed.clear()
                _say("an app has changed: deploying again")
                if self._deploy():
                    self._supervisor.renew(concerned)
                    _say(f"{' and '.join(concerned)} run the new code")
            time.sleep(_TICK_S)

    def _start_services(self, servers: Servers) -> list[str]:
        plan = ServicePlan(
            apps=self._options.apps,
            workers=self._options.workers,
            slots=self._options.slots,
            environment=self._environment,
            databases={
                "HEADRACE_POSTGRES": servers.postgres.dsn(OWNER),
                "HEADRACE_POSTGRES_READER": servers.postgres.dsn(READER),
            },
            stop_grace_s=self._settings.stop_grace_s,
        )
        specs = service_children(plan, self._state, self._options.service_command)
        return [self._supervisor.start(spec).spec.name for spec in specs]

    def _service_environment(self, servers: Servers) -> dict[str, str]:
        return {
            # Addresses of another stack that stand in our own environment are not for the services of this one.
            **{name: text for name, text in os.environ.items() if not name.startswith("HEADRACE_POSTGRES")},
            "HEADRACE_KAFKA": servers.kafka.bootstrap,
            "HEADRACE_API": f"http://{LOOPBACK}:{choose_port(self._settings.api_port)}",
            "HEADRACE_NAMESPACE": self._options.namespace,
            "HEADRACE_STATE": str(self._state.root),
        }

    def _deploy(self) -> bool:
        """Deploy the apps; False, with the reason on stderr, when that failed."""
        if not self._options.apps:
            return True
        command = self._options.deploy_command(self._options.apps)
        try:
            result = subprocess.run(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=_DEPLOY_TIMEOUT_S,
                start_new_session=True,  # Ctrl-C is for us; we end it by that.
                check=False,
            )
        except subprocess.TimeoutExpired:
            _say(f"Expected the deployment to end within {_DEPLOY_TIMEOUT_S} s, but it did not.")
            return False
        if result.returncode != 0:
            _say(f"the deployment ended with exit code {result.returncode}:\n{result.stderr.rstrip()}")
        return result.returncode == 0

    def _changes(self) -> AbstractContextManager[threading.Event]:
        if self._options.watch and self._options.apps:
            return watching(app_directories(self._options.apps))
        return nullcontext(threading.Event())

    def _announce(self, pids: Mapping[str, int]) -> None:
        if self._announcement is not None:
            write_dev_json(self._state, self._announcement.line(pids))


def _settings(options: DevOptions) -> LocalSettings:
    """The environment's settings with the ports from the command line, which must be free."""
    settings = LocalSettings.load()
    if options.kafka_port is not None:
        require_free(options.kafka_port, "--kafka-port")
        settings = msgspec.structs.replace(settings, kafka_port=options.kafka_port)
    if options.api_port is not None:
        require_free(options.api_port, "--api-port")
        settings = msgspec.structs.replace(settings, api_port=options.api_port)
    return settings


def _greeting(announcement: Announcement) -> str:
    return (
        f"ready: {announcement.api} (page and read API), Kafka on {announcement.kafka}, "
        f"state in {announcement.state}. Ctrl-C stops it."
    )


def _say(line: str) -> None:
    print(f"headrace dev: {line}", file=sys.stderr, flush=True)
