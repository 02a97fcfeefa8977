"""The counts that must come out, summed from the plan of packets."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from teiten_protocol.keys import Class, Family, Tool, key_text
from teiten_scenario.description import Noise
from teiten_scenario.packets import COUNTED
from teiten_scenario.payloads import PayloadKind
from teiten_scenario.watch import days_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from teiten_scenario.description import Description
    from teiten_scenario.events import Happening
    from teiten_scenario.packets import Packets

Document = dict[str, Any]


def truth(
    description: Description, seed: int, scale: float, packets: Packets, happenings: Sequence[Happening]
) -> Document:
    """Sum up everything.

    Args:
        description: The scenario.
        seed: The seed in force.
        scale: The factor in force.
        packets: All packets of all sensors.
        happenings: The events among them.
    """
    starts = [description.midnight_us(day) for day in description.days]
    counted = packets.take(packets.reason == COUNTED)
    return {
        "scenario": description.name,
        "seed": seed,
        "scale": scale,
        "timezone": str(description.timezone),
        "sensors": {
            sensor.id: _sensor(description, position, packets.take(packets.sensor == position))
            for position, sensor in enumerate(description.sensors)
        },
        "periods": {
            period.name: _period(
                description,
                days_of(description, period),
                (period.first, period.last),
                _between(counted, starts, days_of(description, period), description),
            )
            for period in description.periods
        },
        "events": [_event(description, happening) for happening in happenings],
    }


def _between(
    packets: Packets, starts: list[int], days: npt.NDArray[np.int64], description: Description
) -> Packets:
    last = int(days[-1])
    end = starts[last + 1] if last + 1 < len(starts) else description.midnight_us(_next(description.last))
    return packets.take((packets.time_us >= starts[int(days[0])]) & (packets.time_us < end))


def _next(day: date) -> date:
    return day.fromordinal(day.toordinal() + 1)


def moment_text(description: Description, day: date) -> str:
    """Midnight at the start of a day, as ISO 8601 with its offset."""
    return datetime(day.year, day.month, day.day, tzinfo=description.timezone).isoformat()


def _sensor(description: Description, position: int, packets: Packets) -> Document:
    sensor = description.sensors[position]
    counted = packets.take(packets.reason == COUNTED)
    reasons = np.bincount(packets.reason, minlength=1 + len(Noise))
    by_reason = {kind.value: int(reasons[number]) for number, kind in enumerate(Noise, start=1)}
    not_monitored = by_reason.pop(Noise.NOT_MONITORED)
    return {
        "groups": list(sensor.groups),
        "monitored": [str(network) for network in sensor.monitored],
        "capture": f"{sensor.id}.pcap",
        "from": moment_text(description, sensor.first),
        "to": moment_text(description, _next(sensor.last)),
        "packets": len(packets),
        "counted": len(counted),
        "bytes": int(counted.ip_length.sum(dtype=np.int64)),
        "not_monitored": not_monitored,
        "malformed": {name: count for name, count in by_reason.items() if count},
        "keys": _keys(counted, with_bytes=True),
        "classes": _classes(counted),
        "tools": _tools(counted),
    }


def _period(
    description: Description, days: npt.NDArray[np.int64], bounds: tuple[date, date], packets: Packets
) -> Document:
    sensors = {}
    for position, sensor in enumerate(description.sensors):
        observed = watch_days(description, position, days)
        sensors[sensor.id] = observed | _families(description, packets.take(packets.sensor == position))
    groups = {}
    for group in sorted({group for sensor in description.sensors for group in sensor.groups}):
        members = description.sensors_of((group,))
        days_sum = {"address_days": 0, "prefix_days": 0}
        for member in members:
            for name, count in watch_days(description, member, days).items():
                days_sum[name] += count
        groups[group] = days_sum | _families(description, packets.take(np.isin(packets.sensor, members)))
    return {
        "from": bounds[0].isoformat(),
        "to": bounds[1].isoformat(),
        "days": len(days),
        "sensors": sensors,
        "groups": groups,
    }


def watch_days(description: Description, position: int, days: npt.NDArray[np.int64]) -> dict[str, int]:
    """Address-days and /64-days of one sensor: whole days, because sensors observe whole days here."""
    sensor = description.sensors[position]
    all_days = description.days
    observed = sum(sensor.first <= all_days[day] <= sensor.last for day in days)
    addresses = sum(
        network.num_addresses for network in sensor.monitored if network.version == int(Family.IPV4)
    )
    prefixes = sum(network.version == int(Family.IPV6) for network in sensor.monitored)
    return {"address_days": observed * addresses, "prefix_days": observed * prefixes}


def _families(description: Description, packets: Packets) -> Document:
    return {
        f"ipv{int(family)}": _summary(description, packets.take(packets.family == family))
        for family in Family
    }


def _summary(description: Description, packets: Packets) -> Document:
    codes = [country.code for country in description.countries]
    return {
        "packets": len(packets),
        "bytes": int(packets.ip_length.sum(dtype=np.int64)),
        "keys": _keys(packets),
        "countries": _tally(packets.country, codes.__getitem__),
        "keys_by_country": {
            code: _keys(packets.take(packets.country == number))
            for number, code in enumerate(codes)
            if (packets.country == number).any()
        },
        "classes": _classes(packets),
        "tools": _tools(packets),
        "payloads": {
            name: count
            for name, count in _tally(packets.payload, lambda number: list(PayloadKind)[number].value).items()
            if name != PayloadKind.NONE
        },
        "sources": _distinct(packets),
    }


def _distinct(packets: Packets) -> int:
    pairs = np.stack([packets.source_high, packets.source_low], axis=1)
    return len(np.unique(pairs, axis=0)) if len(packets) else 0


def _keys(packets: Packets, *, with_bytes: bool = False) -> Document:
    coded = packets.form.astype(np.int64) << 16 | packets.value
    found, inverse, counts = np.unique(coded, return_inverse=True, return_counts=True)
    lengths = np.bincount(inverse, weights=packets.ip_length, minlength=len(found))
    order = np.argsort(-counts, kind="stable")
    keys: Document = {}
    for index in order:
        text = key_text(int(found[index]) >> 16, int(found[index]) & 0xFFFF)
        count = int(counts[index])
        keys[text] = {"packets": count, "bytes": int(lengths[index])} if with_bytes else count
    return keys


def _classes(packets: Packets) -> dict[str, int]:
    return _tally(packets.class_, lambda number: Class(number).text)


def _tools(packets: Packets) -> dict[str, int]:
    return {
        name: count
        for name, count in _tally(packets.tool, lambda number: Tool(number).text).items()
        if name != "none"
    }


def _tally(column: npt.NDArray[Any], name: Callable[[int], str]) -> dict[str, int]:
    found, counts = np.unique(column, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {name(int(found[index])): int(counts[index]) for index in order}


def _event(description: Description, happening: Happening) -> Document:
    packets = happening.packets
    document: Document = {
        "name": happening.name,
        "kind": happening.kind,
        "mix": happening.mix,
        "packets": len(packets),
        "sources": _distinct(packets),
        "sensors": sorted({description.sensors[int(number)].id for number in np.unique(packets.sensor)}),
        "countries": _tally(packets.country, lambda number: description.countries[number].code),
    }
    if len(packets):
        document["first_ns"] = int(packets.time_us.min()) * 1000
        document["last_ns"] = int(packets.time_us.max()) * 1000
    return document
