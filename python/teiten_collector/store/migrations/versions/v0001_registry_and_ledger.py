"""Registry and ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Makes the tables of registry and ledger."""
    _registry()
    _ledger()


def _registry() -> None:
    op.create_table(
        "collector",
        sa.Column("id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_collector"),
        comment="one row: this store's identity, which names its transactions in the tables",
    )
    op.create_table(
        "sensors",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("disabled_ns", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_sensors"),
    )
    op.create_table(
        "memberships",
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("group_name", sa.String(63), nullable=False),
        sa.PrimaryKeyConstraint("sensor", "group_name", name="pk_memberships"),
        sa.ForeignKeyConstraint(["sensor"], ["sensors.id"], name="fk_memberships_sensors"),
    )
    op.create_table(
        "registrations",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("network", sa.String(43), nullable=False),
        sa.Column("from_ns", sa.BigInteger, nullable=False),
        sa.Column("to_ns", sa.BigInteger),
        sa.PrimaryKeyConstraint("number", name="pk_registrations"),
        sa.ForeignKeyConstraint(["sensor"], ["sensors.id"], name="fk_registrations_sensors"),
    )
    op.create_index("ix_registrations_sensor", "registrations", ["sensor"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["sensor"], ["sensors.id"], name="fk_tokens_sensors"),
    )
    op.create_index("ix_tokens_sensor", "tokens", ["sensor"])


def _ledger() -> None:
    op.create_table(
        "epochs",
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("epoch", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("settings", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("sensor", "epoch", name="pk_epochs"),
    )
    op.create_table(
        "groups",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("opened_ns", sa.BigInteger, nullable=False),
        sa.Column("stored_ns", sa.BigInteger),
        sa.Column("country_database", sa.String(255), nullable=False),
        sa.Column("network_database", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_groups"),
    )
    op.create_index("ix_groups_stored_ns", "groups", ["stored_ns"])
    op.create_table(
        "batches",
        sa.Column("arrival", SERIAL, nullable=False),
        sa.Column("sensor", sa.String(63), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("packets", sa.BigInteger, nullable=False),
        sa.Column("segment", sa.String(64), nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("group_number", sa.BigInteger),
        sa.PrimaryKeyConstraint("arrival", name="pk_batches"),
        sa.UniqueConstraint("sensor", "epoch", "sequence", name="uq_batches"),
        sa.ForeignKeyConstraint(
            ["sensor", "epoch"], ["epochs.sensor", "epochs.epoch"], name="fk_batches_epochs"
        ),
        sa.ForeignKeyConstraint(["group_number"], ["groups.number"], name="fk_batches_groups"),
    )
    op.create_index("ix_batches_group_number", "batches", ["group_number"])
    op.create_index("ix_batches_state", "batches", ["state", "arrival"])
    op.create_table(
        "settled_segments",
        sa.Column("segment", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("segment", name="pk_settled_segments"),
        comment="segments whose writer is gone and whose entries are all in the ledger: not scanned again",
    )
