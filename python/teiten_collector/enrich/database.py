"""Files in MaxMind's format (mmdb): opening, identity, and looking up whole columns of addresses."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import maxminddb
import pyarrow as pa

from teiten_collector.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Answer = TypeVar("Answer", str, int)

MAX_REMEMBERED: Final = 1_000_000
"""Addresses whose answers are kept between columns; at about 100 bytes each they stay below 100 MB."""


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """Which database gave an answer, for reports to say."""

    name: str
    """The type it states of itself (`GeoLite2-Country`), or `DB-IP country lite` for the embedded one."""
    built: date
    """The day it was built, UTC."""

    def __str__(self) -> str:
        """`NAME (YYYY-MM-DD)`."""
        return f"{self.name} ({self.built.isoformat()})"


def open_reader(path: Path, setting: str) -> maxminddb.Reader:
    """Opens a file.

    Raises:
        ConfigurationError: It is absent, unreadable or in another format; names the setting.
    """
    remedy = "give a file in MaxMind's format (.mmdb), or leave the setting empty"
    try:
        return maxminddb.open_database(path, maxminddb.MODE_AUTO)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror or error}", place=setting, remedy=remedy
        ) from error
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise ConfigurationError(
            f"{path} is no database of this kind", place=setting, remedy=remedy
        ) from error


def identity_of(reader: maxminddb.Reader) -> DatabaseIdentity:
    """Name and date as the file states them."""
    metadata = reader.metadata()
    built = datetime.fromtimestamp(metadata.build_epoch, UTC).date()
    return DatabaseIdentity(metadata.database_type, built)


class Columns(Generic[Answer]):
    """Looks up columns of addresses: each distinct one once, remembered for the next column."""

    def __init__(
        self, reader: maxminddb.Reader, answer: Callable[[object], Answer | None], kind: pa.DataType
    ) -> None:
        """Takes a file, what its records mean, and the type of the answers' column."""
        self._reader = reader
        self._answer: Callable[[object], Answer | None] = answer
        self._kind = kind
        self._remembered: dict[bytes, Answer | None] = {}

    def one(self, address: bytes) -> Answer | None:
        """The answer for an address of 4 or 16 bytes in network order; None where the file has none."""
        family = socket.AF_INET if len(address) == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4's length
        try:
            found: Answer | None = self._answer(self._reader.get(socket.inet_ntop(family, address)))
        except (ValueError, maxminddb.InvalidDatabaseError):
            # An IPv6 address asked of a file with IPv4 alone, or a damaged branch: nothing is known of it.
            return None
        return found

    def many(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """The answers for a column of addresses, null where the file has none."""
        encoded = addresses.dictionary_encode()
        distinct = cast("list[bytes]", encoded.dictionary.to_pylist())
        remembered = self._remembered
        if len(remembered) > MAX_REMEMBERED:
            remembered.clear()
        for address in distinct:
            if address not in remembered:
                remembered[address] = self.one(address)
        answers = pa.array([remembered[address] for address in distinct], self._kind)
        return answers.take(encoded.indices)
