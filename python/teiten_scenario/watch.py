"""What is watched when: the monitored addresses on each day, and the denominators of rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

import numpy as np

from teiten_scenario.population import halves

if TYPE_CHECKING:
    from datetime import date

    import numpy.typing as npt

    from teiten_protocol.keys import Family
    from teiten_scenario.description import Description, Period


@dataclass(frozen=True, slots=True)
class Watch:
    """Monitored places (IPv4 addresses or IPv6 /64s) of some sensors, and when each is observed.

    Attributes:
        sensor: Position of each place's sensor.
        high: Upper half of each place's (first) address.
        low: Lower half of it.
        observed: One row a day of the scenario, one column a place: whether the place is observed that day.
        day_start_us: Start of each day, and the end of the last.
    """

    sensor: npt.NDArray[np.int64]
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    observed: npt.NDArray[np.bool_]
    day_start_us: npt.NDArray[np.int64]

    def place_days(self, days: npt.NDArray[Any]) -> int:
        """Address-days (or /64-days) over some days: the denominator of their rates."""
        return int(self.observed[days].sum())

    def choose(self, day: npt.NDArray[Any], chance: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Choose a place observed on each packet's day."""
        order = np.argsort(~self.observed, axis=1, kind="stable")  # the observed places of each day first
        count = self.observed.sum(axis=1)
        chosen: npt.NDArray[np.int64] = order[day, (chance * count[day]).astype(np.int64)]
        return chosen


def watch(description: Description, groups: tuple[str, ...], family: Family) -> Watch:
    """List what the sensors of some groups watch in one family."""
    days = description.days
    sensors, highs, lows, observed = [], [], [], []
    for position in description.sensors_of(groups):
        sensor = description.sensors[position]
        present = [sensor.first <= day <= sensor.last for day in days]
        for network in sensor.monitored:
            if network.version != int(family):
                continue
            first = int(network.network_address)
            addresses = [first]
            if isinstance(network, IPv4Network):
                addresses = list(range(first, first + network.num_addresses))
            for address in addresses:
                high, low = halves(address)
                sensors.append(position)
                highs.append(high)
                lows.append(low)
                observed.append(present)
    starts = [description.midnight_us(day) for day in [*days, days[-1] + timedelta(1)]]
    return Watch(
        np.array(sensors, np.int64),
        np.array(highs, np.uint64),
        np.array(lows, np.uint64),
        np.array(observed, bool).reshape(len(sensors), len(days)).T.copy(),
        np.array(starts, np.int64),
    )


def days_of(description: Description, period: Period) -> npt.NDArray[np.int64]:
    """Positions of a period's days in the scenario."""
    return np.arange(day_of(description, period.first), day_of(description, period.last) + 1)


def day_of(description: Description, day: date) -> int:
    """Position of a day in the scenario."""
    return (day - description.first).days
