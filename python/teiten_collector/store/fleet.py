"""The fleet: the condition that each sensor told last, and the releases that are rolled out to it."""

from __future__ import annotations

import hashlib
import os
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update

from teiten_collector.errors import CannotWriteError, InputError
from teiten_collector.store.database import reading, writing
from teiten_collector.store.durable import make_directory, sync
from teiten_collector.store.errors import RegistryError
from teiten_collector.store.schema import CONDITIONS, MEMBERSHIPS, ROLLOUTS, SENSORS
from teiten_collector.store.stages import Advance, Rollout, Step, Told, advance_of
from teiten_protocol.fleet import DIGEST, Condition, Order, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Row
    from sqlalchemy import Engine as SqlEngine

RELEASES_DIRECTORY: Final = "releases"
WHOLE: Final = 100
"""The last stage, in percent."""


class Fleet:
    """Every method is one transaction, and may be called from any thread and any process."""

    def __init__(self, database: SqlEngine, directory: Path) -> None:
        """Works on a migrated database, and on the folder of releases in a store's directory."""
        self._database = database
        self._releases = directory / RELEASES_DIRECTORY

    def note(self, sensor: str, condition: Condition, now_ns: int) -> Order:
        """Keep what a sensor told; what it is to install now.

        A roll-out that has more failures than it may is stopped here, for good until somebody resumes it.
        """
        with writing(self._database) as connection:
            _keep(connection, sensor, condition, now_ns)
            rollout = _current(connection, sensor)
            if rollout is None or rollout.release == condition.release:
                if rollout is not None:
                    _stop_if_it_must(connection, rollout, now_ns)
                return Order()
            found = _stop_if_it_must(connection, rollout, now_ns)
            if found is None or found.steps[sensor] is not Step.OFFERED:
                return Order()
            return Order(rollout.release, rollout.size)

    def conditions(self) -> dict[str, Told]:
        """What each sensor told last, by its id."""
        with reading(self._database) as connection:
            return _told(connection)

    def start(  # noqa: PLR0913 - a roll-out has so many sides
        self,
        file: Path,
        groups: Sequence[str],
        *,
        stages: Sequence[int],
        soak_ns: int,
        most_failures: int,
        now_ns: int,
    ) -> Rollout:
        """Take a release in and begin to roll it out; an earlier roll-out to the same sensors is superseded.

        Raises:
            InputError: The file cannot be read.
            CannotWriteError: It cannot be kept.
            RegistryError: The stages do not ascend to 100, or no sensor is in the groups.
        """
        rising = all(one < other for one, other in pairwise(stages))
        if not stages or not rising or stages[0] < 1 or stages[-1] != WHOLE:
            raise RegistryError(
                f"the stages {' '.join(map(str, stages))} do not ascend to {WHOLE}",
                remedy="name percentages such as 1 10 100",
            )
        release, size = self._take_in(file)
        with writing(self._database) as connection:
            names = tuple(sorted(set(groups)))
            if not _members(connection, names):
                raise RegistryError(
                    f"no enabled sensor is in {', '.join(names)}", remedy="see: teiten-collector sensor list"
                )
            values = {
                "release": release,
                "name": file.name[:255],
                "size": size,
                "groups": " ".join(names),
                "stages": " ".join(map(str, stages)),
                "soak_ns": soak_ns,
                "most_failures": most_failures,
                "started_ns": now_ns,
                "stopped_for": "",
            }
            connection.execute(insert(ROLLOUTS).values(values))
            latest = select(ROLLOUTS).order_by(ROLLOUTS.c.number.desc()).limit(1)
            return _rollout(connection.execute(latest).one())

    def rollouts(self, now_ns: int) -> list[tuple[Rollout, Advance]]:
        """Every roll-out and how far it has come, the latest first."""
        with reading(self._database) as connection:
            told = _told(connection)
            rows = connection.execute(select(ROLLOUTS).order_by(ROLLOUTS.c.number.desc()))
            return [
                (rollout, advance_of(rollout, _members(connection, rollout.groups), told, now_ns))
                for rollout in map(_rollout, rows)
            ]

    def stop(self, number: int, why: str, now_ns: int) -> None:
        """Offer a release to nobody any more.

        Raises:
            RegistryError: No such roll-out.
        """
        self._set(number, stopped_ns=now_ns, stopped_for=why[:1024])

    def resume(self, number: int, most_failures: int) -> None:
        """Go on with a roll-out, which from now on may have so many failures.

        Raises:
            RegistryError: No such roll-out.
        """
        self._set(number, stopped_ns=None, stopped_for="", most_failures=most_failures)

    def release(self, digest: str) -> Path | None:
        """The file of a release; None if there is none."""
        if DIGEST.fullmatch(digest) is None:
            return None
        path = self._releases / digest
        return path if path.is_file() else None

    def _set(self, number: int, **values: object) -> None:
        with writing(self._database) as connection:
            changed = connection.execute(update(ROLLOUTS).where(ROLLOUTS.c.number == number).values(**values))
            if not changed.rowcount:
                raise RegistryError(
                    f"there is no roll-out {number}", remedy="see: teiten-collector rollout list"
                )

    def _take_in(self, file: Path) -> tuple[str, int]:
        beside = self._releases / f".{os.getpid()}.new"
        try:
            source = file.open("rb")
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", place=str(file)) from error
        with source:
            try:
                make_directory(self._releases)
                with beside.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                with beside.open("rb") as copy:
                    digest = hashlib.file_digest(copy, "sha256").hexdigest()
                    size = os.fstat(copy.fileno()).st_size
                sync(beside)
                beside.replace(self._releases / digest)
                sync(self._releases)
            except OSError as error:
                raise CannotWriteError(
                    f"cannot be written: {error.strerror}", place=str(self._releases)
                ) from error
        return digest, size


def _keep(connection: Connection, sensor: str, condition: Condition, now_ns: int) -> None:
    rows = CONDITIONS.c
    known = connection.execute(select(CONDITIONS).where(rows.sensor == sensor)).one_or_none()
    values: dict[str, object] = {
        "version": condition.version,
        "slot": condition.slot,
        "capturing": condition.capturing,
        "generation": condition.generation,
        "release": condition.release,
        "outcome": str(condition.outcome),
        "said": condition.said,
        "settings_generation": condition.settings_generation,
        "reported_ns": now_ns,
    }
    if known is None:
        connection.execute(insert(CONDITIONS).values(sensor=sensor, since_ns=now_ns, **values))
        return
    if (known.release, known.outcome) != (condition.release, str(condition.outcome)):
        values["since_ns"] = now_ns
    connection.execute(update(CONDITIONS).where(rows.sensor == sensor).values(values))


def _current(connection: Connection, sensor: str) -> Rollout | None:
    """The latest roll-out to a group of the sensor, if it goes on."""
    groups = set(connection.scalars(select(MEMBERSHIPS.c.group_name).where(MEMBERSHIPS.c.sensor == sensor)))
    for row in connection.execute(select(ROLLOUTS).order_by(ROLLOUTS.c.number.desc())):
        rollout = _rollout(row)
        if groups.intersection(rollout.groups):
            return rollout if rollout.stopped_ns is None else None
    return None


def _stop_if_it_must(connection: Connection, rollout: Rollout, now_ns: int) -> Advance | None:
    """How far a roll-out has come; None if that is too bad to go on."""
    found = advance_of(rollout, _members(connection, rollout.groups), _told(connection), now_ns)
    if len(found.failures) <= rollout.most_failures:
        return found
    connection.execute(
        update(ROLLOUTS)
        .where(ROLLOUTS.c.number == rollout.number)
        .values(stopped_ns=now_ns, stopped_for="; ".join(found.failures)[:1024])
    )
    return None


def _members(connection: Connection, groups: Sequence[str]) -> list[str]:
    return list(
        connection.scalars(
            select(SENSORS.c.id)
            .join(MEMBERSHIPS, MEMBERSHIPS.c.sensor == SENSORS.c.id)
            .where(MEMBERSHIPS.c.group_name.in_(groups), SENSORS.c.disabled_ns.is_(None))
            .distinct()
        )
    )


def _told(connection: Connection) -> dict[str, Told]:
    return {
        row.sensor: Told(
            row.sensor,
            Condition(
                row.version,
                row.slot,
                row.capturing,
                row.generation,
                row.release,
                Outcome(row.outcome),
                row.said,
                row.settings_generation,
            ),
            row.reported_ns,
            row.since_ns,
        )
        for row in connection.execute(select(CONDITIONS))
    }


def _rollout(row: Row[tuple[object, ...]]) -> Rollout:
    return Rollout(
        number=row.number,
        release=row.release,
        name=row.name,
        size=row.size,
        groups=tuple(row.groups.split()),
        stages=tuple(map(int, row.stages.split())),
        soak_ns=row.soak_ns,
        most_failures=row.most_failures,
        started_ns=row.started_ns,
        stopped_ns=row.stopped_ns,
        stopped_for=row.stopped_for,
    )
