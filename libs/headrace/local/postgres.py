"""One Postgres as a child of ours: own `initdb` with scram passwords, TCP on loopback, no socket in a public place.

Its settings: `infra/postgres/postgresql.conf`, each with its reason, and `infra/postgres/pg_hba.conf`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from headrace.local.assets import asset
from headrace.local.errors import LocalStackError
from headrace.local.ports import LOOPBACK
from headrace.local.postgres_binaries import postgres_bin, server_user
from headrace.local.postgres_home import open_home
from headrace.local.process import Child, ChildSpec, User, tail
from headrace.local.state import StateDir

SUPERUSER = "postgres"
OWNER = "headrace"
READER = "headrace_reader"
DATABASE = "headrace"
_INITDB_TIMEOUT_S = 120
_CONNECT_TIMEOUT_S = 5
_POLL_S = 0.03
# initdb and postgres need no more, and what else stands in our environment is none of their business.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A prepared server: where its data and binaries are, who runs it, and its passwords."""

    home: Path
    bin: Path
    user: User | None
    port: int
    log_path: Path
    passwords: dict[str, str]
    stop_grace_s: float = 15.0

    @property
    def data(self) -> Path:
        return self.home / "data"

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """The DSN of SUPERUSER, OWNER or READER, with the password in it."""
        return f"postgresql://{role}:{self.passwords[role]}@{LOOPBACK}:{self.port}/{database}"


def prepare_postgres(state: StateDir, *, port: int, user_name: str, stop_grace_s: float = 15.0) -> PostgresServer:
    """Make the data directory when there is none (about a second), and write the settings anew."""
    user = server_user(user_name)
    server = PostgresServer(
        home=open_home(state.postgres, user),
        bin=postgres_bin(user),
        user=user,
        port=port,
        log_path=state.log("postgres"),
        passwords={role: state.secret(f"postgres-{role}") for role in (SUPERUSER, OWNER, READER)},
        stop_grace_s=stop_grace_s,
    )
    if not server.data.exists():
        _initdb(server)
    elif not (server.data / "PG_VERSION").exists():
        raise LocalStackError(
            f"Expected {server.data} to be a Postgres data directory, but it has no PG_VERSION: it is damaged. "
            "Begin anew with --fresh."
        )
    for name in ("postgresql.conf", "pg_hba.conf"):
        _write(server.home / name, asset(f"postgres/{name}").read_text("utf-8"), server.user)
    return server


def postgres_child(server: PostgresServer) -> ChildSpec:
    """How to run the server that `prepare_postgres` has prepared. It may be started again on the same data."""
    settings = (f"config_file={server.home}/postgresql.conf", f"hba_file={server.home}/pg_hba.conf")
    return ChildSpec(
        name="postgres",
        command=[
            *(str(server.bin / "postgres"), "-D", str(server.data), "-p", str(server.port)),
            *(part for setting in settings for part in ("-c", setting)),
        ],
        log_path=server.log_path,
        environment=_ENVIRONMENT,
        working_dir=Path("/"),
        user=server.user,
        stop_signal=signal.SIGINT,  # "fast": end the sessions, write a checkpoint, exit.
        # "immediate": the server ends its processes at once and recovers at the next start. SIGKILL would leave
        # it to each of them to notice.
        death_signal=signal.SIGQUIT,
        stop_grace_s=server.stop_grace_s,
    )


def wait_for_postgres(child: Child, server: PostgresServer, timeout_s: float) -> None:
    """Return when a query as superuser succeeds. Raises LocalStackError when it died or took too long."""
    import psycopg  # Here, so that importing this module needs no Postgres driver.

    deadline = time.monotonic() + timeout_s
    reason = "nothing was tried"
    while time.monotonic() < deadline:
        child.require_running()
        try:
            with psycopg.connect(server.dsn(SUPERUSER, "postgres"), connect_timeout=_CONNECT_TIMEOUT_S) as connection:
                connection.execute("SELECT 1")
                return
        except psycopg.OperationalError as error:  # Not listening yet, or still in recovery.
            reason = str(error).strip()
            if "password authentication failed" in reason:
                raise LocalStackError(
                    f"Expected the password in the state directory to open the Postgres data in {server.home}, "
                    "but it is another one: the two do not belong together. Begin anew with --fresh."
                ) from None
            time.sleep(_POLL_S)
    raise LocalStackError(
        f"Expected Postgres to answer on {LOOPBACK}:{server.port} within {timeout_s:g} s, but: {reason}. "
        f"Its log is {child.spec.log_path}; the last lines:\n{tail(child.spec.log_path)}"
    )


def ensure_roles(server: PostgresServer) -> None:
    """Make what the status service finds: the owner's role and database, and the role that can only be granted reading.

    Tables, views and what READER may select are the status service's migrations.
    """
    import psycopg
    from psycopg import sql

    with psycopg.connect(server.dsn(SUPERUSER, "postgres"), autocommit=True) as connection:
        for role in (OWNER, READER):
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            verb = "ALTER" if found else "CREATE"
            statement = sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(role), sql.Literal(server.passwords[role])))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            create_database(connection, DATABASE)


def create_database(connection: object, name: str) -> None:
    """Make a database that OWNER owns and nobody but OWNER and READER may connect to. `connection` autocommits."""
    import psycopg
    from psycopg import sql

    assert isinstance(connection, psycopg.Connection)
    database, owner, reader = (sql.Identifier(each) for each in (name, OWNER, READER))
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, reader))


def _initdb(server: PostgresServer) -> None:
    """Run initdb into a directory beside, then rename: what is killed halfway is made anew."""
    unfinished = server.home / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = server.home / "password"
    user = server.user
    if user is not None:
        os.chown(unfinished, user.uid, user.gid)
    _write(password_file, server.passwords[SUPERUSER], user)
    command = [
        *(str(server.bin / "initdb"), "--pgdata", str(unfinished), "--username", SUPERUSER),
        *("--pwfile", str(password_file), "--auth", "scram-sha-256"),
        # The same order of strings on every machine, whatever locales it has.
        *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
    ]
    try:
        with open(server.log_path, "ab") as log:
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_ENVIRONMENT,
                cwd="/",
                timeout=_INITDB_TIMEOUT_S,
                check=False,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            ).returncode
    finally:
        password_file.unlink()
    if code != 0:
        raise LocalStackError(
            f"Expected initdb to make {unfinished}, but it ended with {code}. "
            f"Its log is {server.log_path}; the last lines:\n{tail(server.log_path)}"
        )
    unfinished.rename(server.data)


def _write(path: Path, text: str, user: User | None) -> None:
    """Write a file that only the server's user can read."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        if user is not None:
            os.fchown(file.fileno(), user.uid, user.gid)
