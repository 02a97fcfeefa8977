"""What comes all the time: from rates by key and by country to packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from teiten_protocol.keys import Class, Family
from teiten_scenario.appearance import SYN, dress
from teiten_scenario.description import Noise
from teiten_scenario.errors import DescriptionError
from teiten_scenario.margins import fit, whole
from teiten_scenario.mixing import generator, mix
from teiten_scenario.packets import Packets
from teiten_scenario.population import halves
from teiten_scenario.watch import day_of, days_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from teiten_scenario.description import Description, Key, Mix, Period, Sensor
    from teiten_scenario.population import Population
    from teiten_scenario.scene import Scene
    from teiten_scenario.watch import Watch

HOURLY_SWING: Final = 0.3
"""By day a country sends this much more than its mean, by night this much less."""
PEAK_HOUR: Final = 15.0

_ROUNDING_SLACK: Final = 3
"""Accesses by which events may pass the rates they count within, because each part was rounded by itself."""


def background(scene: Scene, events: Packets) -> list[Packets]:
    """Make the packets of a mix that belong to no event.

    Args:
        scene: The mix and what it is made from.
        events: Packets of the mix's events: the rates of keys and countries include them.

    Raises:
        DescriptionError: Events alone pass a rate, or the countries' rates leave less than nothing
            for the rest.
    """
    description, watched = scene.description, scene.watched
    parts: list[Packets] = []
    for period in description.periods:
        days = days_of(description, period)
        place_days = watched.place_days(days)
        if place_days:
            inside = (events.time_us >= watched.day_start_us[days[0]]) & (
                events.time_us < watched.day_start_us[days[-1] + 1]
            )
            table = _table(scene, period, scene.scale * place_days, events.take(inside))
            parts += _packets(scene, period, table)
    return parts


def named_ports(mix_: Mix) -> npt.NDArray[np.int64]:
    """Ports with rates or events of their own, which keys of any port leave out."""
    shapes = [traffic.shape for traffic in mix_.traffic]
    shapes += [event.shape for event in mix_.events if hasattr(event, "shape")]
    return np.unique(np.array([shape.key.low for shape in shapes if not shape.key.scattered], np.int64))


def _table(scene: Scene, period: Period, weight: float, events: Packets) -> npt.NDArray[np.int64]:
    """Accesses by traffic (rows) and country (columns) of the mix, events left out."""
    mix_ = scene.mix
    codes = [country.code for country in scene.description.countries]
    columns = np.array([codes.index(code) for code in mix_.countries], np.int64)
    event_columns = np.array([(events.country == column).sum() for column in columns], np.int64)
    if event_columns.sum() != len(events):
        raise DescriptionError(
            f"{mix_.place}.countries", "an event comes from a country that is not in this table"
        )
    keys = [traffic.shape.key for traffic in mix_.traffic]
    event_rows = _first_rows(keys, events)
    rows = np.array(
        [
            0 if traffic.rates is None else round(traffic.rates[period.name] * weight)
            for traffic in mix_.traffic
        ],
        np.int64,
    )
    elsewhere = len(events) - int(event_rows.sum())
    shares = np.array([rates[period.name] for rates in mix_.countries.values()]) * weight
    rest = [position for position, traffic in enumerate(mix_.traffic) if traffic.rates is None]
    total = int(rows.sum()) + elsewhere
    if rest:
        left = round(shares.sum()) - total
        if left < 0:
            raise DescriptionError(
                f"{mix_.place}.countries",
                f"in {period.name} they sum to {-left} accesses less than keys and events",
            )
        rows[rest] = left
        total += left
    if total and not shares.sum():
        raise DescriptionError(f"{mix_.place}.countries", f"no country sends anything in {period.name}")
    sums = whole(shares, total)
    left_rows, left_columns = rows - event_rows, sums - event_columns
    _check_room(mix_, period, left_rows, left_columns)
    left_rows, left_columns = left_rows.clip(0), left_columns.clip(0)
    if left_rows.sum() != left_columns.sum():
        left_columns = whole(left_columns.astype(np.float64), int(left_rows.sum()))
    even = {period.name: 1.0}
    leanings = np.array(
        [
            [traffic.leaning.get(code, even)[period.name] + 1e-9 for code in mix_.countries]
            for traffic in mix_.traffic
        ]
    ).reshape(len(mix_.traffic), len(columns))
    table = np.zeros((len(mix_.traffic), len(codes)), np.int64)
    if len(mix_.traffic):
        table[:, columns] = fit(leanings * np.maximum(left_columns, 1e-9), left_rows, left_columns)
    return table


def _first_rows(keys: list[Key], events: Packets) -> npt.NDArray[np.int64]:
    """Accesses of events by the first traffic of their key; traffic to any port takes none."""
    counts = np.zeros(len(keys), np.int64)
    seen = set()
    for position, key in enumerate(keys):
        if not key.scattered and key not in seen:
            seen.add(key)
            counts[position] = ((events.form == key.form) & (events.value == key.low)).sum()
    return counts


def _check_room(mix_: Mix, period: Period, rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> None:
    for traffic, left in zip(mix_.traffic, rows, strict=True):
        if left < -_ROUNDING_SLACK:
            raise DescriptionError(
                f"{traffic.place}.rate",
                f"in {period.name} events of this key alone are {-left} accesses more",
            )
    for code, left in zip(mix_.countries, columns, strict=True):
        if left < -_ROUNDING_SLACK:
            raise DescriptionError(
                f"{mix_.place}.countries.{code}",
                f"in {period.name} its events alone are {-left} accesses more",
            )


def _packets(scene: Scene, period: Period, table: npt.NDArray[np.int64]) -> Iterator[Packets]:
    description, mix_, population, watched = scene.description, scene.mix, scene.population, scene.watched
    days = days_of(description, period)
    avoided = named_ports(mix_)
    observed = watched.observed[days].sum(axis=1).astype(np.float64)
    for position, traffic in enumerate(mix_.traffic):
        counts = table[position]
        count = int(counts.sum())
        if not count:
            continue
        name = f"{position} {traffic.shape.key}"
        draws = generator(description.seed, "traffic", mix_.name, period.name, name)
        country = np.repeat(np.arange(len(counts)), counts)
        wave = np.exp(draws.normal(0, traffic.unevenness, len(days)))
        slope = 1 + traffic.trend * (np.arange(len(days)) / max(len(days) - 1, 1) - 0.5)
        day = days[draws.choice(len(days), count, p=_shares(observed * wave * slope))]
        salt = mix(np.full(count, position), int(generator(description.seed, mix_.name).integers(1 << 32)))
        chosen = population.pick(
            country, counts[country] / traffic.packets_per_source, mix(country, 5) ^ salt, draws.random(count)
        )
        packets = Packets.blank(count)
        packets.country[:] = country
        place(packets, watched, watched.choose(day, draws.random(count)), mix_.family, draws)
        packets.source_high[:] = population.high[chosen]
        packets.source_low[:] = population.low[chosen]
        packets.time_us[:] = times(scene, day, country, draws)
        dress(packets, traffic.shape, avoided, draws, position)
        yield packets


def place(
    packets: Packets,
    watched: Watch,
    chosen: npt.NDArray[np.int64],
    family: Family,
    draws: np.random.Generator,
) -> None:
    """Address packets to places; in an IPv6 /64, most often to one of its first addresses."""
    packets.family[:] = family
    packets.sensor[:] = watched.sensor[chosen]
    packets.address_high[:] = watched.high[chosen]
    packets.address_low[:] = watched.low[chosen]
    if family is Family.IPV6:
        near = draws.integers(1, 17, len(packets))
        far = draws.integers(1, 1 << 62, len(packets))
        packets.address_low[:] = np.where(draws.random(len(packets)) < 0.8, near, far)  # noqa: PLR2004


def times(
    scene: Scene, day: npt.NDArray[np.int64], country: npt.NDArray[Any], draws: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Times within days of the scenario, more of them when it is day in the sender's country."""
    hours = np.linspace(0, 24, 24 * 60 + 1)
    risen = hours + HOURLY_SWING * 24 / (2 * np.pi) * np.sin((hours - PEAK_HOUR) * 2 * np.pi / 24)
    local = np.interp(draws.random(len(day)) * 24 + risen[0], risen, hours)
    offsets = np.array([land.utc_offset for land in scene.description.countries])
    start = scene.watched.day_start_us[day]
    here = (local - offsets[country] - (start / 3.6e9)) % 24
    length = scene.watched.day_start_us[day + 1] - start
    within: npt.NDArray[np.int64] = np.minimum((here / 24 * length).astype(np.int64), length - 1)
    return start + within


def noise(description: Description, scale: float, population: Population) -> list[Packets]:
    """Make the records that must not be counted."""
    parts = []
    for position, sensor in enumerate(description.sensors):
        days = np.arange(day_of(description, sensor.first), day_of(description, sensor.last) + 1)
        for reason, kind in enumerate(Noise, start=1):
            count = round(sensor.noise.get(kind, 0.0) * scale * len(days))
            if not count:
                continue
            draws = generator(description.seed, "noise", sensor.id, kind)
            packets = Packets.blank(count)
            packets.sensor[:] = position
            packets.reason[:] = reason
            chosen = draws.integers(0, len(population.low), count)
            packets.source_low[:] = population.low[chosen]
            packets.address_low[:] = _outside(sensor)
            start = description.midnight_us(sensor.first)
            packets.time_us[:] = start + draws.integers(0, len(days) * 86_400_000_000 - 7_200_000_000, count)
            packets.flags[:] = SYN
            packets.value[:] = 445
            packets.source_port[:] = draws.integers(1024, 65_536, count)
            packets.class_[:] = Class.PROBE
            packets.country[:] = -1
            parts.append(packets)
    return parts


def _outside(sensor: Sensor) -> int:
    """An IPv4 address beside the sensor's own."""
    networks = [network for network in sensor.monitored if network.version == int(Family.IPV4)]
    if not networks:
        raise DescriptionError(f"sensor {sensor.id}.noise", "a sensor without IPv4 addresses has no noise")
    candidate = int(networks[0].broadcast_address)
    taken = True
    while taken:
        candidate += 1
        taken = any(
            int(network.network_address) <= candidate <= int(network.broadcast_address)
            for network in networks
        )
    return halves(candidate)[1]


def _shares(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares
