"""The SQL tables of registry and ledger. A test holds them against what the migrations make."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number given by the database: SQLite gives them to columns of the type INTEGER alone."""

COLLECTOR: Final = Table(
    "collector",
    METADATA,
    Column("id", String(36), primary_key=True),
    comment="one row: this store's identity, which names its transactions in the tables",
)

SENSORS: Final = Table(
    "sensors",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("disabled_ns", BigInteger),
)

MEMBERSHIPS: Final = Table(
    "memberships",
    METADATA,
    Column("sensor", String(63), ForeignKey("sensors.id"), primary_key=True),
    Column("group_name", String(63), primary_key=True),
)

REGISTRATIONS: Final = Table(
    "registrations",
    METADATA,
    Column("number", SERIAL, primary_key=True),
    Column("sensor", String(63), ForeignKey("sensors.id"), nullable=False, index=True),
    Column("network", String(43), nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger),
)

TOKENS: Final = Table(
    "tokens",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("sensor", String(63), ForeignKey("sensors.id"), nullable=False, index=True),
    Column("salt", LargeBinary(16), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger),
)

ENROLMENTS: Final = Table(
    "enrolments",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("sensor", String(63), ForeignKey("sensors.id"), nullable=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("redeemed_ns", BigInteger),
    Column("token", String(16)),
    UniqueConstraint("sensor"),
)

CONDITIONS: Final = Table(
    "conditions",
    METADATA,
    Column("sensor", String(63), ForeignKey("sensors.id"), primary_key=True),
    Column("version", String(200), nullable=False),
    Column("slot", String(200), nullable=False),
    Column("capturing", Boolean, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("release", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("said", String(200), nullable=False),
    Column("reported_ns", BigInteger, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("settings_generation", Integer, nullable=False, server_default="0"),
)

ROLLOUTS: Final = Table(
    "rollouts",
    METADATA,
    Column("number", SERIAL, primary_key=True),
    Column("release", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("groups", String(4096), nullable=False),
    Column("stages", String(255), nullable=False),
    Column("soak_ns", BigInteger, nullable=False),
    Column("most_failures", Integer, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("stopped_ns", BigInteger),
    Column("stopped_for", String(1024), nullable=False),
)

READERS: Final = Table(
    "readers",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("id", String(16), nullable=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    UniqueConstraint("id"),
)

# No foreign key from here to `sensors`: whether a sensor may send is decided at the door, and a ledger that
# is made again from the journal must not depend on who is registered now.
EPOCHS: Final = Table(
    "epochs",
    METADATA,
    Column("sensor", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("settings", LargeBinary(32), nullable=False),
)

GROUPS: Final = Table(
    "groups",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("stored_ns", BigInteger, index=True),
    Column("country_database", String(255), nullable=False),
    Column("network_database", String(255), nullable=False),
)

BATCHES: Final = Table(
    "batches",
    METADATA,
    Column("arrival", SERIAL, primary_key=True),
    Column("sensor", String(63), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("packets", BigInteger, nullable=False),
    Column("segment", String(64), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("group_number", BigInteger, ForeignKey("groups.number"), index=True),
    UniqueConstraint("sensor", "epoch", "sequence"),
    ForeignKeyConstraint(["sensor", "epoch"], ["epochs.sensor", "epochs.epoch"]),
    Index(None, "state", "arrival"),
)

SETTLED_SEGMENTS: Final = Table(
    "settled_segments",
    METADATA,
    Column("segment", String(64), primary_key=True),
    comment="segments whose writer is gone and whose entries are all in the ledger: not scanned again",
)

CONTACTS: Final = Table(
    "contacts",
    METADATA,
    Column("sensor", String(63), primary_key=True),
    Column("heard_ns", BigInteger, nullable=False),
    Column("offset_ns", BigInteger),
    Column("observed_to_ns", BigInteger, nullable=False),
    Column("lost_packets", BigInteger, nullable=False),
    Column("lost_ns", BigInteger, nullable=False),
)
