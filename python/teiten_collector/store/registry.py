"""Who may send: sensors, their groups, the addresses they monitor and from when to when, and their tokens."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select, update

from teiten_collector.store.credentials import DAY_NS, keep_token, outdate_tokens, token_holder
from teiten_collector.store.database import reading, writing
from teiten_collector.store.errors import RegistryError
from teiten_collector.store.schema import ENROLMENTS, MEMBERSHIPS, REGISTRATIONS, SENSORS, TOKENS
from teiten_protocol import BatchError, BatchKey
from teiten_protocol.enrolment import new_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection
    from sqlalchemy import Engine as SqlEngine

Network = IPv4Network | IPv6Network

GROUP_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""A group's name, to be matched whole: like a sensor's id, because both stand in commands and reports."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A network that a sensor monitors, from a time to a time (exclusive), nanoseconds of Unix time."""

    network: Network
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

    Every method is one transaction, and may be called from any thread and any process while others write.
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
        """Registers a sensor and returns its token, which is kept as a salted hash and never shown again.

        Args:
            sensor: Its id, as the batch format limits it.
            monitored: The networks it monitors (`198.51.100.0/28`, `2001:db8::/64`; an address alone is a
                network of one). At least one; none may overlap another.
            groups: The groups it belongs to.
            now_ns: The time of the registration; None: now.
            from_ns: From when it has monitored them. 0: always, so that captures of the past are taken.

        Raises:
            RegistryError: The id is taken or malformed, or a network is malformed, has host bits set or
                overlaps.
        """
        moment = time.time_ns() if now_ns is None else now_ns
        _require_id(sensor)
        names = _groups(groups)
        networks = _networks(monitored)
        with writing(self._database) as connection:
            if connection.scalar(select(SENSORS.c.id).where(SENSORS.c.id == sensor)) is not None:
                raise RegistryError(
                    f"sensor {sensor} is registered already",
                    remedy="choose another id, or give it a new token with: teiten-collector sensor rotate",
                )
            connection.execute(insert(SENSORS).values(id=sensor, created_ns=moment))
            for name in names:
                connection.execute(insert(MEMBERSHIPS).values(sensor=sensor, group_name=name))
            _register(connection, sensor, networks, from_ns)
            return _issue(connection, sensor, moment)

    def amend(self, sensor: str, monitored: Sequence[str], *, from_ns: int) -> None:
        """States what a sensor monitors from a time on: open registrations end there, and new ones begin.

        A network that is in both goes on in its old registration.

        Raises:
            RegistryError: No such sensor, a malformed network, or a registration that begins later than
                `from_ns`.
        """
        networks = set(_networks(monitored))
        rows = REGISTRATIONS.c
        with writing(self._database) as connection:
            _require_known(connection, sensor)
            current = connection.execute(
                select(rows.number, rows.network, rows.from_ns).where(
                    rows.sensor == sensor, rows.to_ns.is_(None)
                )
            ).all()
            for number, text, begun_ns in current:
                network = ip_network(text)
                if network in networks:
                    networks.remove(network)
                    continue
                if begun_ns >= from_ns:
                    raise RegistryError(
                        f"sensor {sensor} has monitored {network} since a later time than the change",
                        remedy="let the change begin after that",
                    )
                connection.execute(update(REGISTRATIONS).where(rows.number == number).values(to_ns=from_ns))
            _register(connection, sensor, sorted(networks, key=_order), from_ns)

    def rotate(self, sensor: str, *, now_ns: int | None = None, overlap_ns: int = DAY_NS) -> str:
        """Returns a new token; those before it hold for `overlap_ns` more, so that no upload fails.

        Raises:
            RegistryError: No such sensor.
        """
        moment = time.time_ns() if now_ns is None else now_ns
        with writing(self._database) as connection:
            _require_known(connection, sensor)
            outdate_tokens(connection, sensor, moment + overlap_ns)
            connection.execute(update(SENSORS).where(SENSORS.c.id == sensor).values(disabled_ns=None))
            return _issue(connection, sensor, moment)

    def disable(self, sensor: str, *, now_ns: int | None = None) -> None:
        """Refuses a sensor from now on: its tokens and its code are revoked for good. What it sent stays.

        `rotate` enables it again with a new token.

        Raises:
            RegistryError: No such sensor.
        """
        moment = time.time_ns() if now_ns is None else now_ns
        with writing(self._database) as connection:
            _require_known(connection, sensor)
            connection.execute(delete(TOKENS).where(TOKENS.c.sensor == sensor))
            connection.execute(delete(ENROLMENTS).where(ENROLMENTS.c.sensor == sensor))
            connection.execute(
                update(SENSORS)
                .where(SENSORS.c.id == sensor, SENSORS.c.disabled_ns.is_(None))
                .values(disabled_ns=moment)
            )

    def authenticate(self, token: str, *, now_ns: int | None = None) -> Sensor | None:
        """The sensor whose valid token this is; None for any other text, without saying why."""
        moment = time.time_ns() if now_ns is None else now_ns
        with reading(self._database) as connection:
            holder = token_holder(connection, token, moment)
            found = () if holder is None else _sensors(connection, holder)
        return found[0] if found and found[0].enabled else None

    def find(self, sensor: str) -> Sensor | None:
        """The sensor of an id, disabled or not."""
        with reading(self._database) as connection:
            found = _sensors(connection, sensor)
        return found[0] if found else None

    def list(self) -> tuple[Sensor, ...]:
        """Every sensor, in the order of the ids."""
        with reading(self._database) as connection:
            return _sensors(connection, None)

    def registrations(self, sensor: str) -> tuple[Registration, ...]:
        """What a sensor monitored and monitors; empty for an unknown one."""
        found = self.find(sensor)
        return found.registrations if found else ()


def _require_id(sensor: str) -> None:
    try:
        BatchKey(sensor, 0, 0)
    except BatchError as error:
        raise RegistryError(f"the id {sensor!r} {error.reason}") from None


def _groups(names: Sequence[str]) -> list[str]:
    for name in names:
        if GROUP_NAME.fullmatch(name) is None:
            raise RegistryError(f"the group {name!r} must match {GROUP_NAME.pattern}")
    return sorted(set(names))


def _networks(texts: Sequence[str]) -> list[Network]:
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise RegistryError(
                f"no network: {error}", remedy="networks look like 198.51.100.0/28 or 2001:db8::/64"
            ) from None
    if not networks:
        raise RegistryError("a sensor monitors at least one network")
    networks.sort(key=_order)
    for one, other in combinations(networks, 2):
        # Sorted by version: two of one version are what `overlaps` compares.
        if one.version == other.version and one.overlaps(other):
            raise RegistryError(f"{one} and {other} overlap: their addresses would count twice")
    return networks


def _order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def _require_known(connection: Connection, sensor: str) -> None:
    if connection.scalar(select(SENSORS.c.id).where(SENSORS.c.id == sensor)) is None:
        raise RegistryError(f"no sensor {sensor} is registered", remedy="see: teiten-collector sensor list")


def _register(connection: Connection, sensor: str, networks: Iterable[Network], from_ns: int) -> None:
    for network in networks:
        connection.execute(insert(REGISTRATIONS).values(sensor=sensor, network=str(network), from_ns=from_ns))


def _issue(connection: Connection, sensor: str, moment_ns: int) -> str:
    """Makes a token; the text exists here and in the caller's hands alone."""
    token = new_token()
    keep_token(connection, sensor, token, moment_ns)
    return token


def _sensors(connection: Connection, only: str | None) -> tuple[Sensor, ...]:
    sensors = select(SENSORS).order_by(SENSORS.c.id)
    memberships = select(MEMBERSHIPS).order_by(MEMBERSHIPS.c.sensor, MEMBERSHIPS.c.group_name)
    registrations = select(REGISTRATIONS).order_by(REGISTRATIONS.c.sensor, REGISTRATIONS.c.from_ns)
    if only is not None:
        sensors = sensors.where(SENSORS.c.id == only)
        memberships = memberships.where(MEMBERSHIPS.c.sensor == only)
        registrations = registrations.where(REGISTRATIONS.c.sensor == only)
    groups = {
        sensor: tuple(row.group_name for row in rows)
        for sensor, rows in groupby(connection.execute(memberships), lambda row: row.sensor)
    }
    monitored = {
        sensor: tuple(
            sorted(
                (Registration(ip_network(row.network), row.from_ns, row.to_ns) for row in rows),
                key=lambda registration: (registration.from_ns, *_order(registration.network)),
            )
        )
        for sensor, rows in groupby(connection.execute(registrations), lambda row: row.sensor)
    }
    return tuple(
        Sensor(row.id, groups.get(row.id, ()), monitored.get(row.id, ()), row.created_ns, row.disabled_ns)
        for row in connection.execute(sensors)
    )
