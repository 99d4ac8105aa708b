"""The role that can only SELECT: made where we may, checked where not.

The read API connects as the role of `HEADRACE_POSTGRES_READER`, and anybody who writes SQL may use it, too. Where the
owner cannot make roles (many managed clusters), an administrator makes it once; `MissingReader` gives the statements.
"""

from __future__ import annotations

import logging

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

log = logging.getLogger(__name__)
# A query of the read model takes milliseconds; whatever runs this long would only keep the projection's rows alive.
STATEMENT_TIMEOUT = "30s"


class MissingReader(RuntimeError):
    """The read-only role does not exist, or cannot log in, and we may not make it."""


def ensure_reader(owner: psycopg.Connection, reader_dsn: str, views: str) -> None:
    """Make sure that the role of `reader_dsn` exists, can log in, and can SELECT from the views and from nothing else
    of ours.

    Raises:
        MissingReader: it cannot log in, and the owner may not make roles.
    """
    wanted = conninfo_to_dict(reader_dsn)
    role, password = str(wanted.get("user") or ""), str(wanted.get("password") or "")
    if not role:
        raise MissingReader(
            "Expected a user in HEADRACE_POSTGRES_READER (postgresql://user:password@host/db), but found none"
        )
    if role == owner.info.user:
        raise MissingReader(f"Expected HEADRACE_POSTGRES_READER to name a role of its own, but it is the owner, {role}")
    if not _can_log_in(reader_dsn):
        _make(owner, role, password)
    _shorten_names(owner, views)
    with owner.transaction():
        name, schema = sql.Identifier(role), sql.Identifier(views)
        owner.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, name))
        owner.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, name))


def _shorten_names(owner: psycopg.Connection, views: str) -> None:
    """Let the views be named without their schema, where nobody has chosen otherwise: the first namespace of a database
    gets that.
    """
    chosen = (
        "SELECT 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = "
        "current_database()"
    )
    if owner.execute(chosen + " AND setrole = 0 AND array_to_string(setconfig, ',') LIKE '%search_path=%'").fetchone():
        return
    database = sql.Identifier(owner.info.dbname)
    statement = sql.SQL("ALTER DATABASE {} SET search_path = {}, public").format(database, sql.Identifier(views))
    try:
        with owner.transaction():
            owner.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        log.info(
            "the views are named with their schema, %s: only the owner of the database may set a search path", views
        )


def _can_log_in(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _make(owner: psycopg.Connection, role: str, password: str) -> None:
    name = sql.Identifier(role)
    database = sql.Identifier(owner.info.dbname)
    known = owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    verb = "ALTER" if known else "CREATE"
    options = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT" if not known else "LOGIN"
    statements = [
        sql.SQL(f"{verb} ROLE {{}} WITH {options} PASSWORD {{}}").format(name, sql.Literal(password)),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, name),
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(name),
        sql.SQL("ALTER ROLE {} SET statement_timeout = {}").format(name, sql.Literal(STATEMENT_TIMEOUT)),
    ]
    try:
        with owner.transaction():
            for statement in statements:
                owner.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise MissingReader(
            f"Expected the role {role} of HEADRACE_POSTGRES_READER to log in, but it cannot, and {owner.info.user} "
            f"may not make roles. "
            f"Let an administrator run: CREATE ROLE {role} LOGIN PASSWORD '...'; GRANT CONNECT ON DATABASE "
            f"{owner.info.dbname} TO {role};"
        ) from error
    log.info("the read-only role %s is ready", role)
