"""What was observed: address-days and prefix-days, the denominators of every rate.

A sensor's exposure is the union of its observed spans, within the period, times the addresses registered
for it at each moment: an address registered by two networks counts once, time observed twice counts once,
time not observed counts nothing. IPv4 is counted in addresses, IPv6 in /64 prefixes (a longer prefix counts
as the /64 it lies in). Everything is integer until the last division, so that the same data give the same
figure to the last bit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from itertools import pairwise
from typing import TYPE_CHECKING

from teiten_collector.analysis.calendar import single_days
from teiten_collector.analysis.scope import utc_day
from teiten_collector.analysis.statements import OBSERVED, OVERLAPS_WITHIN
from teiten_collector.store import Days

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Engine, Registration, Sensor
    from teiten_protocol import Family

DAY_NS = 86_400 * 1_000_000_000
_SUBNET_BITS = 64  # RFC 4291 section 2.5.1: the interface identifier is the lower half, a subnet is a /64

Stretch = tuple[int, int]
"""A half-open time, nanoseconds of the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What some sensors observed in a period, in one family.

    Attributes:
        observed: Unit-nanoseconds: addresses (IPv4) or /64 prefixes (IPv6) times observed time.
        registered: Unit-nanoseconds that would have been observed without any gap.
        sensors: How many sensors observed anything.
    """

    observed: int
    registered: int
    sensors: int

    @property
    def days(self) -> float:
        """Address-days or prefix-days observed."""
        return self.observed / DAY_NS

    @property
    def registered_days(self) -> float:
        """Address-days or prefix-days registered for the period; at least `days`."""
        return self.registered / DAY_NS

    @property
    def unobserved_share(self) -> float:
        """Which share of what was registered was not observed, 0 to 1; 0 where nothing was registered."""
        return 0.0 if self.registered == 0 else (self.registered - self.observed) / self.registered


def observed_stretches(
    engine: Engine, period: Period, sensors: Sequence[Sensor]
) -> dict[str, tuple[Stretch, ...]]:
    """The times each sensor observed within the period, in order and apart; silent sensors are left out."""
    return _stretches(engine, OBSERVED, period, sensors)


def overlapping_stretches(
    engine: Engine, period: Period, sensors: Sequence[Sensor]
) -> dict[str, tuple[Stretch, ...]]:
    """The times within a period that two epochs of a sensor both observed: packets count twice there."""
    return _stretches(engine, OVERLAPS_WITHIN, period, sensors)


def _stretches(
    engine: Engine, statement: str, period: Period, sensors: Sequence[Sensor]
) -> dict[str, tuple[Stretch, ...]]:
    """What a statement says of each sensor, less what lies outside the period."""
    names = [sensor.id for sensor in sensors]
    if not names:
        return {}
    # A span lies with the day it began on, however long ago.
    days = Days(date.min, utc_day(period.end_minute - 1))
    found: dict[str, list[Stretch]] = defaultdict(list)
    for row in engine.rollup(statement, [period.end_ns, period.start_ns, names], days).to_pylist():
        start, end = max(row["start_ns"], period.start_ns), min(row["end_ns"], period.end_ns)
        if start < end:
            found[row["sensor"]].append((start, end))
    return {sensor: tuple(times) for sensor, times in found.items()}


def exposure(
    stretches: Mapping[str, Sequence[Stretch]], period: Period, sensors: Sequence[Sensor], family: Family
) -> Exposure:
    """Adds up what the sensors observed of what is registered for them.

    Args:
        stretches: As `observed_stretches` gives them, for the same period.
        period: The period.
        sensors: The sensors whose registrations count.
        family: Which addresses.
    """
    observed = registered = watching = 0
    for sensor in sensors:
        seen = 0
        for (start, end), units in _registered_units(sensor.registrations, period, family):
            registered += (end - start) * units
            seen += units * sum(
                max(0, min(end, stretch_end) - max(start, stretch_start))
                for stretch_start, stretch_end in stretches.get(sensor.id, ())
            )
        observed += seen
        watching += seen > 0
    return Exposure(observed, registered, watching)


def daily_exposure(
    stretches: Mapping[str, Sequence[Stretch]], period: Period, sensors: Sequence[Sensor], family: Family
) -> tuple[float, ...]:
    """Address-days or prefix-days observed on each day of a period; their sum is that of `exposure`."""
    days = [(day.start_ns, day.end_ns) for day in single_days(period)]
    ends = [end for _, end in days]
    observed = [0] * len(days)
    for sensor in sensors:
        for (start, end), units in _registered_units(sensor.registrations, period, family):
            for stretch_start, stretch_end in stretches.get(sensor.id, ()):
                first, last = max(start, stretch_start), min(end, stretch_end)
                if first >= last:
                    continue
                for place in range(bisect_right(ends, first), bisect_right(ends, last - 1) + 1):
                    day_start, day_end = days[place]
                    observed[place] += units * (min(last, day_end) - max(first, day_start))
    return tuple(one / DAY_NS for one in observed)


def _registered_units(
    registrations: Iterable[Registration], period: Period, family: Family
) -> list[tuple[Stretch, int]]:
    """The period cut where registrations begin or end, with the units registered in each piece."""
    relevant = [
        registration
        for registration in registrations
        if registration.network.version == family
        and registration.from_ns < period.end_ns
        and (registration.to_ns is None or registration.to_ns > period.start_ns)
    ]
    cuts = {period.start_ns, period.end_ns}
    for registration in relevant:
        cuts |= {
            moment
            for moment in (registration.from_ns, registration.to_ns)
            if moment is not None and period.start_ns < moment < period.end_ns
        }
    ordered = sorted(cuts)
    return [
        (
            (start, end),
            _units(registration.network for registration in relevant if registration.holds_at(start)),
        )
        for start, end in pairwise(ordered)
    ]


def _units(networks: Iterable[IPv4Network | IPv6Network]) -> int:
    """Distinct IPv4 addresses plus distinct /64 prefixes; callers pass one family."""
    ipv4: list[IPv4Network] = []
    ipv6: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            ipv4.append(network)
        else:
            ipv6.append(
                network if network.prefixlen <= _SUBNET_BITS else network.supernet(new_prefix=_SUBNET_BITS)
            )
    addresses = sum(network.num_addresses for network in collapse_addresses(ipv4))
    prefixes = sum(1 << (_SUBNET_BITS - network.prefixlen) for network in collapse_addresses(ipv6))
    return addresses + prefixes
