"""Who may send: sensors, their groups, the addresses they monitor and from when to when, and their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from sqlalchemy import Engine as SqlEngine

DAY_NS = 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Registration:
    """One network that a sensor monitors, from a time (inclusive) to a time (exclusive), nanoseconds of Unix time."""

    network: IPv4Network | IPv6Network
    from_ns: int
    to_ns: int | None
    """None: still monitored."""

    def holds_at(self, moment_ns: int) -> bool:
        """Whether the registration holds at a moment."""
        return self.from_ns <= moment_ns and (self.to_ns is None or moment_ns < self.to_ns)


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor as the collector knows it."""

    id: str
    groups: tuple[str, ...]
    """Sorted, without repetition."""
    registrations: tuple[Registration, ...]
    """Past and present ones, in order of their beginning, then of their network."""
    created_ns: int
    disabled_ns: int | None
    """When it was disabled; None while it is allowed to send."""

    @property
    def enabled(self) -> bool:
        """Whether the sensor is allowed to send."""
        return self.disabled_ns is None


class Registry:
    """Sensors and their tokens, in the store's SQL database.

    Every method is one transaction, may be called from any thread, and from any process while others write.
    """

    def __init__(self, database: SqlEngine) -> None:
        """Works on a migrated database; does not touch it yet."""
        self._database = database

    def add(
        self,
        sensor: str,
        monitored: Sequence[str],
        groups: Sequence[str] = (),
        *,
        now_ns: int | None = None,
        from_ns: int = 0,
    ) -> str:
        """Registers a sensor and returns its token, which is stored only as a salted hash and never shown again.

        Args:
            sensor: Its id, as the batch format limits it.
            monitored: The networks it monitors (`198.51.100.0/28`, `2001:db8::/64`; an address alone is a network of
                one). At least one; none may overlap another.
            groups: The groups it belongs to.
            now_ns: The time of the registration; None: now.
            from_ns: From when it has monitored them. 0: always, so that captures of the past are taken.

        Raises:
            RegistryError: The id is taken or malformed, or a network is malformed, has host bits set or overlaps.
        """
        raise NotImplementedError

    def amend(self, sensor: str, monitored: Sequence[str], *, from_ns: int) -> None:
        """States what a sensor monitors from a time on: open registrations end there, and new ones begin.

        A network that is in both goes on in its old registration.

        Raises:
            RegistryError: No such sensor, a malformed network, or a registration that begins later than `from_ns`.
        """
        raise NotImplementedError

    def rotate(self, sensor: str, *, now_ns: int | None = None, overlap_ns: int = DAY_NS) -> str:
        """Returns a new token; the ones before it hold for `overlap_ns` more, so that no upload fails meanwhile.

        Raises:
            RegistryError: No such sensor.
        """
        raise NotImplementedError

    def disable(self, sensor: str, *, now_ns: int | None = None) -> None:
        """Refuses a sensor from now on: every token of it is revoked for good. What it sent stays.

        `rotate` enables it again with a new token.

        Raises:
            RegistryError: No such sensor.
        """
        raise NotImplementedError

    def authenticate(self, token: str, *, now_ns: int | None = None) -> Sensor | None:
        """The sensor whose valid token this is; None for any other text, without saying why."""
        raise NotImplementedError

    def find(self, sensor: str) -> Sensor | None:
        """The sensor of an id, disabled or not."""
        raise NotImplementedError

    def list(self) -> tuple[Sensor, ...]:
        """Every sensor, in the order of the ids."""
        raise NotImplementedError

    def registrations(self, sensor: str) -> tuple[Registration, ...]:
        """What a sensor monitored and monitors; empty for an unknown one."""
        raise NotImplementedError
