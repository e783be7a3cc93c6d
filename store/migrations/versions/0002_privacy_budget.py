"""Privacy budgets and what is charged to them."""

import sqlalchemy as sa
from alembic import op

from store.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "privacy_budget",
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("opened_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_privacy_budget_project_id_project")),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_privacy_budget_dataset_id_dataset")),
        sa.PrimaryKeyConstraint("project_id", "dataset_id", name=op.f("pk_privacy_budget")),
    )
    op.create_table(
        "privacy_charge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("epsilon", sa.Float(), nullable=True),
        sa.Column("rho", sa.Float(), nullable=False),
        sa.Column("delta", sa.Float(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reserved_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("settled_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_privacy_charge_project_id_project")),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_privacy_charge_dataset_id_dataset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_charge")),
    )
    op.create_index(op.f("ix_privacy_charge_project_id"), "privacy_charge", ["project_id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("privacy_charge")
    op.drop_table("privacy_budget")
