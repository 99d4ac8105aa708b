"""Brings the read model up to this version: `python -m headrace_status.model.migrate`, with the addresses in the
environment.

The service runs this as a child process at its start, since Alembic and SQLAlchemy would stay in its memory otherwise.
An advisory lock lets one process migrate at a time; a read model that newer code has migrated is left as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql

from headrace.runtime.settings import InvalidSettings, Settings
from headrace_status.model import names, roles
from headrace_status.model.view import View
from headrace_status.model.views import CONTRACT_VERSION, VIEWS

# Any number that no other user of the database takes; one lock for all namespaces, since they share roles.
LOCK = 0x68656164
NOT_REACHABLE = 75
"""Exit code when Postgres does not answer: whoever started us tries again (EX_TEMPFAIL of sysexits.h)."""


class ReadModelTooNew(RuntimeError):
    """The tables were migrated by code that is newer than this."""


def migrate(owner_dsn: str, reader_dsn: str, namespace: str) -> None:
    """Make or upgrade tables, views and the reader role of a namespace. Safe to run at any time, by several processes.

    Raises:
        ReadModelTooNew: the tables have a revision that this version does not know.
        roles.MissingReader: the read-only role cannot be used, and we may not make it.
        psycopg.OperationalError: Postgres does not answer.
    """
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(owner_dsn), poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        _upgrade(connection, names.data_schema(namespace))
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        with raw.transaction():
            _make_views(raw, namespace)
        roles.ensure_reader(raw, reader_dsn, names.view_schema(namespace))
        raw.commit()


def _upgrade(connection: sa.Connection, schema: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    context = MigrationContext.configure(connection, opts={"version_table_schema": schema})
    current = context.get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise ReadModelTooNew(
            f"Expected a read model of revision {max(known)} at most, but schema {schema} has {current}. Start a "
            f"newer version of the service"
        )
    command.upgrade(config, "head")
    connection.commit()


def _make_views(connection: psycopg.Connection, namespace: str) -> None:
    views, data = sql.Identifier(names.view_schema(namespace)), sql.Identifier(names.data_schema(namespace))
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(views))
    for view in VIEWS:
        name = sql.Identifier(names.view_schema(namespace), view.name)
        query = sql.SQL(view.query).format(data=data)
        connection.execute(sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(name, query))
        for statement, text in _comments(view):
            connection.execute(sql.SQL("COMMENT ON {} IS {}").format(statement.format(name=name), sql.Literal(text)))


def _comments(view: View) -> list[tuple[sql.SQL, str]]:
    found = [(sql.SQL("VIEW {name}"), f"{view.doc} (contract version {CONTRACT_VERSION})")]
    for column, text in view.columns.items():
        found.append((sql.SQL(f'COLUMN {{name}}."{column}"'), text))
    return found


def main() -> int:
    """Migrate as the environment says; errors are one line on stderr."""
    try:
        settings = Settings.load()
        migrate(settings.postgres, settings.postgres_reader, settings.namespace)
    except psycopg.OperationalError as error:
        sys.stderr.write(f"Expected Postgres to answer, but: {error}\n")
        return NOT_REACHABLE
    except (ReadModelTooNew, roles.MissingReader, InvalidSettings) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
