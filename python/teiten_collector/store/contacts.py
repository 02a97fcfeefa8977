"""When each sensor was last heard, in the SQL database: one row a sensor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select

from teiten_collector.store.database import reading, writing
from teiten_collector.store.schema import CONTACTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Engine as SqlEngine


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of a sensor from its requests; times are nanoseconds of Unix time, 0 for never.

    Attributes:
        sensor: Its id.
        heard_ns: When its last request with a valid token came.
        offset_ns: How far its clock was ahead of the collector's at that time; None where it never said.
        observed_to_ns: Where the latest span of its batches ends.
        lost_packets: Packets that it counted as lost, by its spool or its kernel, over all batches.
        lost_ns: When a batch that told of losses last came.
    """

    sensor: str
    heard_ns: int = 0
    offset_ns: int | None = None
    observed_to_ns: int = 0
    lost_packets: int = 0
    lost_ns: int = 0


class Contacts:
    """The rows. Every method is one transaction."""

    def __init__(self, database: SqlEngine) -> None:
        """Works on a migrated database."""
        self._database = database

    def list(self) -> tuple[Contact, ...]:
        """Every sensor that was ever heard, in the order of the ids."""
        with reading(self._database) as connection:
            rows = connection.execute(select(CONTACTS).order_by(CONTACTS.c.sensor))
            return tuple(Contact(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name

    def write(self, contacts: Iterable[Contact]) -> None:
        """Replaces the rows of these sensors."""
        rows = [asdict(contact) for contact in contacts]
        sensors = [{"replaced": row["sensor"]} for row in rows]
        if rows:
            # Two statements, however many there are: the door's batches wait for whoever writes.
            with writing(self._database) as connection:
                connection.execute(
                    delete(CONTACTS).where(CONTACTS.c.sensor == bindparam("replaced")), sensors
                )
                connection.execute(insert(CONTACTS), rows)
