"""One-time codes by which a sensor brings its own token: at most one a sensor, kept as a salted hash."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select, update

from teiten_collector.store.credentials import (
    DAY_NS,
    keep_token,
    matches,
    outdate_tokens,
    salted,
    token_holder,
)
from teiten_collector.store.database import reading, writing
from teiten_collector.store.errors import RegistryError
from teiten_collector.store.schema import ENROLMENTS, SENSORS, TOKENS
from teiten_protocol.enrolment import CODE, TOKEN, Enrolment, new_code

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row
    from sqlalchemy import Engine as SqlEngine

CODE_LIFETIME_NS: Final = 7 * DAY_NS
"""Long enough for a card to be mailed and put up."""


class Objection(StrEnum):
    """Why a code lets nobody in."""

    UNKNOWN = "unknown"
    OTHER_SENSOR = "other sensor"
    EXPIRED = "expired"
    USED = "used"
    TOKEN_TAKEN = "token taken"  # noqa: S105  # a reason, no token


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A sensor has its token.

    Attributes:
        sensor: Which one.
        repeat: Whether it had it already by the same code.
    """

    sensor: str
    repeat: bool


class Enrolments:
    """Every method is one transaction, and may be called from any thread and any process."""

    def __init__(self, database: SqlEngine) -> None:
        """Works on a migrated database."""
        self._database = database

    def issue(
        self, sensor: str, *, now_ns: int | None = None, lifetime_ns: int = CODE_LIFETIME_NS
    ) -> tuple[str, int]:
        """Make a code for a sensor, in the place of the one before; the code and when it ends.

        Raises:
            RegistryError: No such sensor.
        """
        moment = time.time_ns() if now_ns is None else now_ns
        code = new_code()
        code_id, secret = CODE.fullmatch(code).groups()  # type: ignore[union-attr]  # just made
        ends = moment + lifetime_ns
        with writing(self._database) as connection:
            if connection.scalar(select(SENSORS.c.id).where(SENSORS.c.id == sensor)) is None:
                raise RegistryError(
                    f"no sensor {sensor} is registered", remedy="see: teiten-collector sensor list"
                )
            connection.execute(delete(ENROLMENTS).where(ENROLMENTS.c.sensor == sensor))
            connection.execute(
                insert(ENROLMENTS).values(
                    id=code_id, sensor=sensor, created_ns=moment, expires_ns=ends, **salted(secret)
                )
            )
        return code, ends

    def redeem(self, enrolment: Enrolment, *, now_ns: int | None = None) -> Enrolled | Objection:
        """Let a sensor in by the token it brings, once; tokens before it hold for a day more.

        A disabled sensor is let in again, as by a new token.
        """
        moment = time.time_ns() if now_ns is None else now_ns
        code_id, secret = CODE.fullmatch(enrolment.code).groups()  # type: ignore[union-attr]  # an Enrolment's
        wanted = select(ENROLMENTS).where(ENROLMENTS.c.id == code_id)
        # Guesses are read off without waiting for whoever writes.
        with reading(self._database) as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None or not matches(row, secret):
            return Objection.UNKNOWN
        if row.sensor != enrolment.sensor:
            return Objection.OTHER_SENSOR
        with writing(self._database) as connection:
            row = connection.execute(wanted).one_or_none()
            if row is None:
                return Objection.UNKNOWN
            return _redeemed(connection, row, enrolment.token, moment)


def _redeemed(
    connection: Connection, row: Row[tuple[object, ...]], token: str, moment: int
) -> Enrolled | Objection:
    token_id = TOKEN.fullmatch(token)[1]  # type: ignore[index]  # an Enrolment's
    if row.redeemed_ns is not None:
        same = row.token == token_id and token_holder(connection, token, moment) == row.sensor
        return Enrolled(row.sensor, repeat=True) if same else Objection.USED
    if row.expires_ns <= moment:
        return Objection.EXPIRED
    if connection.scalar(select(TOKENS.c.id).where(TOKENS.c.id == token_id)) is not None:
        return Objection.TOKEN_TAKEN
    outdate_tokens(connection, row.sensor, moment + DAY_NS)
    keep_token(connection, row.sensor, token, moment)
    connection.execute(update(SENSORS).where(SENSORS.c.id == row.sensor).values(disabled_ns=None))
    connection.execute(
        update(ENROLMENTS).where(ENROLMENTS.c.id == row.id).values(redeemed_ns=moment, token=token_id)
    )
    return Enrolled(row.sensor, repeat=False)
