"""Which datasets each answered statistic was about."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and fill it from the statistics answered so far."""
    made = op.create_table(
        "answered_table",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["answered_query.id"],
            name=op.f("fk_answered_table_entry_id_answered_query"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entry_id", "dataset_id", name=op.f("pk_answered_table")),
    )
    op.create_index(op.f("ix_answered_table_dataset_id"), "answered_table", ["dataset_id"], unique=False)
    answered = sa.table("answered_query", sa.column("id", sa.Integer()), sa.column("footprint", sa.JSON()))
    rows = [
        {"entry_id": number, "dataset_id": name}
        for number, footprint in op.get_bind().execute(sa.select(answered.c.id, answered.c.footprint))
        for name in dict.fromkeys((json.loads(footprint) if isinstance(footprint, str) else footprint)["tables"])
    ]
    if rows:
        op.bulk_insert(made, rows)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("answered_table")
