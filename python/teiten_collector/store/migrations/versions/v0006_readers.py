"""Readers: who may ask how the sensors stand."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "readers",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_readers"),
        sa.UniqueConstraint("id", name="uq_readers"),
    )
