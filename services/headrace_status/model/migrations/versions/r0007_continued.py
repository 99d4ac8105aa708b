"""An index of the few workflows whose runs continue one another: what their former runs left behind is removed.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "workflows_continued",
        "workflows",
        ["workflow_id"],
        schema=context.config.attributes["schema"],
        postgresql_where=sa.text("continued > 0"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("workflows_continued", "workflows", schema=context.config.attributes["schema"])
