"""The network (autonomous system) of an address, from an optional MaxMind-format file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_collector.enrich.country import DatabaseIdentity


class NetworkDatabase:
    """Autonomous system numbers by address.

    Attributes:
        identity: Name and date of the file.
    """

    identity: DatabaseIdentity

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens a file.

        Raises:
            ConfigurationError: The file is absent, unreadable or no MaxMind-format file of networks.
        """
        raise NotImplementedError

    def number(self, family: int, high: int, low: int) -> int | None:
        """The autonomous system number of an address; None where unknown."""
        raise NotImplementedError
