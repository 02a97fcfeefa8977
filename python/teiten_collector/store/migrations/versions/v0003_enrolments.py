"""Enrolments: one-time codes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "enrolments",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=False),
        sa.Column("redeemed_ns", sa.BigInteger),
        sa.Column("token", sa.String(16)),
        sa.PrimaryKeyConstraint("id", name="pk_enrolments"),
        sa.ForeignKeyConstraint(["sensor"], ["sensors.id"], name="fk_enrolments_sensors"),
        sa.UniqueConstraint("sensor", name="uq_enrolments"),
    )
