"""A row filter in requests and grants."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it, empty: every row."""
    op.add_column("access_request", sa.Column("rows", sa.String(), nullable=True))
    op.add_column("access_grant", sa.Column("rows", sa.String(), nullable=True))


def downgrade() -> None:
    """Take it out again."""
    op.drop_column("access_grant", "rows")
    op.drop_column("access_request", "rows")
