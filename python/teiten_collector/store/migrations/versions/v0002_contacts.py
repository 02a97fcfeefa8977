"""Contacts: when each sensor was last heard."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "contacts",
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("heard_ns", sa.BigInteger, nullable=False),
        sa.Column("offset_ns", sa.BigInteger),
        sa.Column("observed_to_ns", sa.BigInteger, nullable=False),
        sa.Column("lost_packets", sa.BigInteger, nullable=False),
        sa.Column("lost_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sensor", name="pk_contacts"),
    )
