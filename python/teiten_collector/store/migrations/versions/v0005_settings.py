"""Settings: the generation of those that the operator signed, of each sensor."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the column."""
    op.add_column(
        "conditions", sa.Column("settings_generation", sa.Integer, nullable=False, server_default="0")
    )
