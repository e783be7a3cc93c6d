"""Which cells of an answered statistic were withheld."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Answers given before count as told in full."""
    op.add_column("answered_query", sa.Column("withheld", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("answered_query", "withheld")
