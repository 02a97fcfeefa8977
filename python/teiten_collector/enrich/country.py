"""The country of an address, from a MaxMind-format file: the operator's own, or the embedded default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

DBIP_CREDIT = "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"
"""What the licence of the embedded database asks every page and report that shows its results to say, with the link."""


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


class CountryDatabase:
    """Countries by address. Closed over one file; open another one to change it.

    Attributes:
        identity: Name and date of the file.
        credit: What must be said where its results are shown; empty for an operator's own file.
    """

    identity: DatabaseIdentity
    credit: str

    @classmethod
    def open(cls, path: Path | None, directory: Path) -> Self:
        """Opens the operator's file, or (None) the embedded one, unpacked into `directory` at first use.

        Raises:
            ConfigurationError: The file is absent, unreadable or no MaxMind-format file of countries.
            CannotWriteError: The embedded one cannot be unpacked.
        """
        raise NotImplementedError

    def country(self, family: int, high: int, low: int) -> str | None:
        """The two-letter code of an address (as the tables write it: family, two signed halves); None where unknown."""
        raise NotImplementedError
