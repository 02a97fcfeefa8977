"""The network (autonomous system) of an address, from an optional MaxMind-format file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa

from teiten_collector.enrich.database import Columns, DatabaseIdentity, identity_of, open_reader
from teiten_collector.errors import ConfigurationError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path

    import maxminddb

_SETTING: Final = "[geo] asn_database"
MAX_NUMBER: Final = 2**32 - 1
"""Autonomous system numbers have 32 bits (RFC 6793)."""


class NetworkDatabase:
    """Autonomous system numbers by address. Closed over one file.

    Attributes:
        identity: Name and date of the file.
    """

    def __init__(self, reader: maxminddb.Reader, identity: DatabaseIdentity) -> None:
        """Takes an open file; `open` is the way to one."""
        self.identity = identity
        self._columns = Columns(reader, number_of, pa.int64())

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens a file.

        Raises:
            ConfigurationError: The file is absent, unreadable or no MaxMind-format file of networks.
        """
        reader = open_reader(path, _SETTING)
        if all(number_of(record) is None for _, (_, record) in zip(range(1000), reader, strict=False)):
            raise ConfigurationError(
                f"{path} says no networks (it is of the type {reader.metadata().database_type})",
                place=_SETTING,
                remedy="give a file whose records have autonomous_system_number or asn",
            )
        return cls(reader, identity_of(reader))

    def number(self, address: IPv4Address | IPv6Address) -> int | None:
        """The autonomous system number of an address; None where unknown."""
        return self._columns.one(address.packed)

    def numbers(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """The numbers of a column of addresses (4 or 16 bytes, network order): int64, null where unknown.

        For one thread at a time.
        """
        return self._columns.many(addresses)


def number_of(record: object) -> int | None:
    """The number in a record; None without one.

    It stands in `autonomous_system_number` (MaxMind, DB-IP), or in `asn`, as a number or `AS64496` (IPinfo).
    """
    if not isinstance(record, dict):
        return None
    number = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(number, str):
        digits = number.upper().removeprefix("AS")
        number = int(digits) if digits.isascii() and digits.isdigit() else None
    return number if isinstance(number, int) and 0 < number <= MAX_NUMBER else None
