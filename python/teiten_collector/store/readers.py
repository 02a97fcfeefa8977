"""Who may ask how the sensors stand: analysts' programs, each by a token of its own that lets nothing in."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select

from teiten_collector.store.credentials import matches, salted
from teiten_collector.store.database import reading, writing
from teiten_collector.store.errors import RegistryError
from teiten_collector.store.registry import GROUP_NAME
from teiten_collector.store.schema import READERS

if TYPE_CHECKING:
    from sqlalchemy import Engine as SqlEngine

TOKEN: Final = re.compile(r"teiten-reader_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
"""A reader's token: another mark than a sensor's, its id, and 256 random bits."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who may read, and since when (nanoseconds of Unix time)."""

    name: str
    created_ns: int


class Readers:
    """Every method is one transaction, and may be called from any thread and any process."""

    def __init__(self, database: SqlEngine) -> None:
        """Works on a migrated database."""
        self._database = database

    def add(self, name: str, *, now_ns: int | None = None) -> str:
        """Let a reader in; its token, which is kept as a salted hash and never shown again.

        Raises:
            RegistryError: The name is taken, or is not of the form of a group's.
        """
        if GROUP_NAME.fullmatch(name) is None:
            raise RegistryError(f"the name {name!r} must match {GROUP_NAME.pattern}")
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        moment = time.time_ns() if now_ns is None else now_ns
        with writing(self._database) as connection:
            if connection.scalar(select(READERS.c.name).where(READERS.c.name == name)) is not None:
                raise RegistryError(
                    f"reader {name} is there already",
                    remedy="choose another name, or remove it first: teiten-collector reader remove",
                )
            connection.execute(
                insert(READERS).values(name=name, id=token_id, created_ns=moment, **salted(secret))
            )
        return f"teiten-reader_{token_id}_{secret}"

    def remove(self, name: str) -> None:
        """Refuse a reader from now on.

        Raises:
            RegistryError: There is none of this name.
        """
        with writing(self._database) as connection:
            if not connection.execute(delete(READERS).where(READERS.c.name == name)).rowcount:
                raise RegistryError(f"there is no reader {name}", remedy="see: teiten-collector reader list")

    def list(self) -> tuple[Reader, ...]:
        """Every reader, in the order of the names."""
        with reading(self._database) as connection:
            rows = connection.execute(select(READERS.c.name, READERS.c.created_ns).order_by(READERS.c.name))
            return tuple(Reader(row.name, row.created_ns) for row in rows)

    def authenticate(self, token: str) -> str | None:
        """The name of the reader whose token this is; None for any other text, without saying why."""
        parts = TOKEN.fullmatch(token)
        if parts is None:
            return None
        with reading(self._database) as connection:
            row = connection.execute(select(READERS).where(READERS.c.id == parts[1])).one_or_none()
        return str(row.name) if row is not None and matches(row, parts[2]) else None
