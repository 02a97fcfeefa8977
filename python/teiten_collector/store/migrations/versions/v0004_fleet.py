"""Fleet: the condition of each sensor, and what is rolled out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "conditions",
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("slot", sa.String(200), nullable=False),
        sa.Column("capturing", sa.Boolean, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("release", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("said", sa.String(200), nullable=False),
        sa.Column("reported_ns", sa.BigInteger, nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sensor", name="pk_conditions"),
        sa.ForeignKeyConstraint(["sensor"], ["sensors.id"], name="fk_conditions_sensors"),
    )
    op.create_table(
        "rollouts",
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("release", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("groups", sa.String(4096), nullable=False),
        sa.Column("stages", sa.String(255), nullable=False),
        sa.Column("soak_ns", sa.BigInteger, nullable=False),
        sa.Column("most_failures", sa.Integer, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("stopped_ns", sa.BigInteger),
        sa.Column("stopped_for", sa.String(1024), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_rollouts"),
    )
