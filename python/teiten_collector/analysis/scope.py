"""What a statement reads: some sensors' rows of one family in one period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from teiten_collector.errors import ConfigurationError
from teiten_collector.store import Days

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Sensor
    from teiten_protocol import Family


@dataclass(frozen=True, slots=True)
class Scope:
    """Sensors, family and period.

    Attributes:
        sensors: Whose rows; where there is none nothing is read.
        family: Which monitored addresses.
        period: When.
    """

    sensors: tuple[Sensor, ...]
    family: Family
    period: Period

    @property
    def days(self) -> Days:
        """The UTC days of the tables that hold its rows."""
        return Days(utc_day(self.period.start_minute), utc_day(self.period.end_minute - 1))

    @property
    def parameters(self) -> list[object]:
        """Values of `teiten_collector.analysis.statements.SCOPE`."""
        return [
            self.days.first,
            self.days.last,
            self.period.start_minute,
            self.period.end_minute,
            int(self.family),
            [sensor.id for sensor in self.sensors],
        ]


def select_sensors(sensors: Sequence[Sensor], groups: Sequence[str], *, key: str) -> tuple[Sensor, ...]:
    """The sensors that belong to at least one of the groups; every sensor where no group is named.

    Args:
        sensors: Every sensor, disabled ones too: what they sent stays.
        groups: Names of groups.
        key: The key of the configuration that names them, for the error.

    Raises:
        ConfigurationError: No sensor belongs to one of the groups.
    """
    known = {group for sensor in sensors for group in sensor.groups}
    for group in groups:
        if group not in known:
            raise ConfigurationError(
                f"no sensor belongs to the group {group!r}",
                place=key,
                remedy=f"groups of the registered sensors: {', '.join(sorted(known)) or 'none'}",
            )
    wanted = set(groups)
    return tuple(sensor for sensor in sensors if not wanted or wanted & set(sensor.groups))


def utc_day(minute: int) -> date:
    """The UTC day of a minute: what the tables are partitioned by."""
    return datetime.fromtimestamp(minute * 60, UTC).date()
