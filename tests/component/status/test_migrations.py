"""The migrations make what the code expects, and the reader can read the views and nothing else."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from headrace_status.model.migrate import ReadModelTooNew, migrate
from headrace_status.model.tables import metadata
from headrace_status.model.views import VIEWS
from tests.support.servers import Database
from tests.support.status_world import NAMESPACE, SCHEMA


def test_the_migrations_make_the_tables_of_the_code(postgres: Database) -> None:
    migrate(postgres.owner, postgres.reader, NAMESPACE)
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(postgres.owner), poolclass=sa.NullPool
    )
    options = {
        "include_schemas": True,
        "version_table_schema": SCHEMA,
        "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
        "compare_type": True,
    }
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata(SCHEMA)) == []


def test_migrating_again_changes_nothing(postgres: Database) -> None:
    migrate(postgres.owner, postgres.reader, NAMESPACE)
    migrate(postgres.owner, postgres.reader, NAMESPACE)
    migrate(postgres.owner, postgres.reader, "another-cell")


def test_every_view_and_column_is_documented(postgres: Database) -> None:
    migrate(postgres.owner, postgres.reader, NAMESPACE)
    with psycopg.connect(postgres.reader) as reader:
        rows = reader.execute(
            "SELECT c.relname, a.attname, col_description(c.oid, a.attnum), obj_description(c.oid)"
            " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = "
            "'headrace'::regnamespace AND a.attnum > 0"
        ).fetchall()
    assert {row[0] for row in rows} == {view.name for view in VIEWS}
    assert [row[:2] for row in rows if not row[2]] == []
    assert all("contract version 1" in row[3] for row in rows)
    for view in VIEWS:
        assert [row[1] for row in rows if row[0] == view.name] == list(view.columns)


def test_the_reader_can_only_select(postgres: Database) -> None:
    migrate(postgres.owner, postgres.reader, NAMESPACE)
    with psycopg.connect(postgres.reader, autocommit=True) as reader:
        for view in VIEWS:
            reader.execute(f"SELECT * FROM {view.name}")
        for statement in (
            f"SELECT * FROM {SCHEMA}.tasks",
            "DELETE FROM workflows",
            "UPDATE tasks SET kind = 'x'",
            "INSERT INTO positions (topic) VALUES ('x')",
            "CREATE TABLE headrace.mine (a int)",
            "CREATE TABLE public.mine (a int)",
            "DROP VIEW tasks",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
                reader.execute(statement)


def test_a_read_model_of_newer_code_is_left_alone(postgres: Database) -> None:
    migrate(postgres.owner, postgres.reader, NAMESPACE)
    with psycopg.connect(postgres.owner, autocommit=True) as owner:
        owner.execute(f"UPDATE {SCHEMA}.alembic_version SET version_num = '9999'")
    with pytest.raises(ReadModelTooNew, match="newer version"):
        migrate(postgres.owner, postgres.reader, NAMESPACE)
