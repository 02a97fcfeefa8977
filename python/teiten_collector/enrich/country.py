"""The country of an address, from a MaxMind-format file: the operator's own, or the embedded default.

The embedded default is DB-IP's country lite database (CC BY 4.0, `dbip-country.LICENSE` beside it),
compressed; it is unpacked into the store's directory at first use.
"""

from __future__ import annotations

import hashlib
import lzma
import os
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa

from teiten_collector.enrich.database import Columns, DatabaseIdentity, identity_of, open_reader
from teiten_collector.errors import CannotWriteError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address

    import maxminddb

DBIP_CREDIT: Final = "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"
"""What the embedded database's licence asks whatever shows its results to say; pages make it a link."""

EMBEDDED: Final = "dbip-country.mmdb.xz"
EMBEDDED_NAME: Final = "DB-IP country lite"

_SETTING: Final = "[geo] country_database"
_CODE_LETTERS: Final = 2


class CountryDatabase:
    """Countries by address. Closed over one file; open another one to change it.

    Attributes:
        identity: Name and date of the file.
        credit: What must be said where its results are shown; empty for an operator's own file.
    """

    def __init__(self, reader: maxminddb.Reader, identity: DatabaseIdentity, credit: str = "") -> None:
        """Takes an open file; `open` is the way to one."""
        self.identity = identity
        self.credit = credit
        self._columns = Columns(reader, country_of, pa.string())

    @classmethod
    def open(cls, path: Path | None, directory: Path) -> Self:
        """Opens the operator's file, or (None) the embedded one, unpacked into `directory` at first use.

        Raises:
            ConfigurationError: The file is absent, unreadable or no MaxMind-format file of countries.
            CannotWriteError: The embedded one cannot be unpacked.
        """
        if path is None:
            reader = open_reader(unpack(directory), _SETTING)
            return cls(reader, DatabaseIdentity(EMBEDDED_NAME, identity_of(reader).built), DBIP_CREDIT)
        reader = open_reader(path, _SETTING)
        if all(country_of(record) is None for _, (_, record) in zip(range(1000), reader, strict=False)):
            raise ConfigurationError(
                f"{path} says no countries (it is of the type {reader.metadata().database_type})",
                place=_SETTING,
                remedy="give a file whose records have country_code or country.iso_code",
            )
        return cls(reader, identity_of(reader))

    def country(self, address: IPv4Address | IPv6Address) -> str | None:
        """The two-letter code of an address; None where unknown."""
        return self._columns.one(address.packed)

    def countries(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """The codes of a column of addresses (4 or 16 bytes, network order): strings, null where unknown.

        Each distinct address is looked up once, and remembered for the columns that follow. For one thread at
        a time.
        """
        return self._columns.many(addresses)


def credit_of(databases: Iterable[str]) -> str:
    """What must be said where results of databases, named as identities are, are shown; or nothing."""
    return DBIP_CREDIT if any(name.startswith(f"{EMBEDDED_NAME} (") for name in databases) else ""


def country_of(record: object) -> str | None:
    """The country in a record of either shape, `{country_code}` or `{country: {iso_code}}`; None without one.

    `registered_country` is where a network's owner is registered, not where its addresses are used: it is not
    read.
    """
    if not isinstance(record, dict):
        return None
    code = record.get("country_code")
    country = record.get("country")
    if code is None and isinstance(country, dict):
        code = country.get("iso_code")
    if not isinstance(code, str) or len(code) != _CODE_LETTERS or not (code.isascii() and code.isalpha()):
        return None
    return code.upper()


def unpack(directory: Path) -> Path:
    """The embedded database as a file in `directory`, unpacked if it is not there: whole, or not at all.

    Raises:
        CannotWriteError: The directory cannot be written.
    """
    packed = files(__package__).joinpath(EMBEDDED).read_bytes()
    # Named after its content, so that a newer program brings its newer database.
    path = directory / f"dbip-country-{hashlib.sha256(packed).hexdigest()[:12]}.mmdb"
    if path.exists():
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=directory, prefix=".", suffix=".new", delete=False) as file:
            beside = Path(file.name)
            try:
                file.write(lzma.decompress(packed))
                file.flush()
                os.fsync(file.fileno())
                beside.replace(path)
            except OSError:
                beside.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise CannotWriteError(
            f"the embedded country database cannot be unpacked: {error.strerror}", place=str(path)
        ) from error
    return path
