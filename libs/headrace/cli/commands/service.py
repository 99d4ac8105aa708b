"""`headrace service`: one service, for production."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable

import click

from headrace.cli.failures import BAD_INPUT, FAILED, Failure, code_of

SERVICES = {
    "decision": "headrace_decision.wiring",
    "dispatcher": "headrace_execution.dispatcher.wiring",
    "worker": "headrace_execution.worker.wiring",
    "resources": "headrace_resources.wiring",
    "listener": "headrace_listener.wiring",
    "status": "headrace_status.wiring",
}
_WITH_APPS = ("worker", "listener")


@click.command()
@click.argument("name", metavar="SERVICE", type=click.Choice(list(SERVICES)))
@click.option(
    "--app", "apps", multiple=True, metavar="MODULE_OR_FILE", help="Tasks or listeners; worker and listener only."
)
@click.option("--name", "worker_name", default="", help="Name of the worker; host and process id unless given.")
@click.option("--slots", type=click.IntRange(1, 10_000), default=None, help="Tasks that the worker runs at once.")
def service(name: str, apps: tuple[str, ...], worker_name: str, slots: int | None) -> None:
    """Run one service until SIGTERM: decision, dispatcher, worker, resources, listener or status."""
    if apps and name not in _WITH_APPS:
        raise click.UsageError(f"Expected --app only for {' and '.join(_WITH_APPS)}, but found it for {name}")
    if (worker_name or slots is not None) and name != "worker":
        raise click.UsageError(f"Expected --name and --slots only for worker, but found them for {name}")
    from headrace.runtime import collector
    from headrace.runtime.settings import Settings
    from headrace.shard.kafka.log_shipping import ship_logs

    _configure(name)
    run = _run_function(name)
    collector.tune()
    settings = Settings.load()
    worker_name = worker_name or f"{socket.gethostname()}-{os.getpid()}"
    ship_logs(name, settings, worker_name if name == "worker" else "")
    arguments: list[object] = [settings]
    if name in _WITH_APPS:
        arguments.append(list(apps))
    if name == "worker":
        arguments += [worker_name, slots]
    try:
        run(*arguments)
    except Exception as error:
        raise _ended(name, error) from error


def _ended(name: str, error: Exception) -> Exception:
    """Log why a service ends, which whoever reads its log needs: with the traceback unless the text says what to do."""
    import logging

    unexpected = not str(error).startswith("Expected")
    logging.getLogger(__name__).critical("The %s service ends: %s", name, error, exc_info=error if unexpected else None)
    return error if code_of(error) is not None else Failure(f"The {name} service ended: {error}", FAILED)


def _configure(name: str) -> None:
    from headrace.runtime import logging, telemetry

    try:
        logging.configure(name)
    except ValueError as error:
        raise Failure(str(error), BAD_INPUT) from error
    telemetry.configure(name)


def _run_function(name: str) -> Callable[..., None]:
    try:
        run: Callable[..., None] = importlib.import_module(SERVICES[name]).run
    except ModuleNotFoundError as error:
        extra = name if name in ("status", "listener", "worker", "decision", "resources") else "worker"
        raise Failure(
            f"Expected all that the {name} service needs, but there is no module {error.name}; install "
            f"headrace[{extra}]",
            BAD_INPUT,
        ) from error
    return run
