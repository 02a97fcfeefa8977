"""What happens on top of an even flow: surges, single sources, bursts of backscatter, periodic sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np

from teiten_protocol.keys import Form
from teiten_scenario.appearance import dress
from teiten_scenario.description import (
    BURST_REPLIES,
    BackscatterBurst,
    Key,
    PeriodicSource,
    Range,
    Reply,
    Shape,
    Surge,
)
from teiten_scenario.margins import whole
from teiten_scenario.mixing import generator
from teiten_scenario.packets import Packets
from teiten_scenario.payloads import PayloadKind
from teiten_scenario.population import one_source
from teiten_scenario.traffic import named_ports, place
from teiten_scenario.watch import day_of

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    import numpy.typing as npt

    from teiten_scenario.description import Event
    from teiten_scenario.scene import Scene

_STEP_US = 50_000
"""A sweep goes from one monitored address to the next in this time."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event's packets, and what the truth says of it."""

    mix: str
    kind: str
    name: str
    packets: Packets


def happen(scene: Scene) -> list[Happening]:
    """Make the packets of a mix's events."""
    maker = _Maker(scene)
    return [maker.happening(position, event) for position, event in enumerate(scene.mix.events)]


class _Maker:
    def __init__(self, scene: Scene) -> None:
        self.description = scene.description
        self.mix = scene.mix
        self.scale = scene.scale
        self.population = scene.population
        self.watched = scene.watched

    def happening(self, position: int, event: Event) -> Happening:
        salt = 1000 + position
        draws = generator(self.description.seed, "event", self.mix.name, str(position))
        match event:
            case Surge():
                return Happening(self.mix.name, event.kind, event.name, self._surge(event, draws, salt))
            case BackscatterBurst():
                packets = self._burst(event, draws, salt)
                return Happening(self.mix.name, "backscatter-burst", event.name, packets)
            case PeriodicSource():
                packets = self._periodic(event, draws, salt)
                return Happening(self.mix.name, "periodic-source", event.name, packets)
        assert_never(event)

    def _surge(self, event: Surge, draws: np.random.Generator, salt: int) -> Packets:
        country, high, low = self._senders(event, draws, salt)
        parts = []
        swept = 0
        for offset, rate in enumerate(event.daily):
            day = day_of(self.description, event.first) + offset
            places = np.flatnonzero(self.watched.observed[day])
            count = round(rate * self.scale * len(places))
            if not count:
                continue
            start = int(self.watched.day_start_us[day])
            length = int(self.watched.day_start_us[day + 1]) - start
            if event.range is Range.EXHAUSTIVE:
                sweep, chosen = _sweeps(places, count, draws)
                sweeps = int(sweep[-1]) + 1
                # Few sources each sweep all addresses in turn; many share every sweep, as a botnet does.
                together = len(low) > count // len(places) * len(event.daily)
                sender = draws.integers(0, len(low), count) if together else (swept + sweep) % len(low)
                swept += sweeps
                room = max(length - _STEP_US * len(places), 1)
                begin = draws.integers(0, room, sweeps)
                times = (
                    start
                    + begin[sweep]
                    + np.searchsorted(places, chosen) * min(_STEP_US, length // len(places))
                )
            else:
                chosen = places[draws.integers(0, len(places), count)]
                sender = draws.integers(0, len(low), count)
                times = start + draws.integers(0, length, count)
            packets = self._to(chosen, draws)
            packets.time_us[:] = times
            packets.country[:] = country[sender]
            packets.source_high[:] = high[sender]
            packets.source_low[:] = low[sender]
            parts.append(packets)
        packets = Packets.join(parts)
        dress(packets, event.shape, named_ports(self.mix), draws, salt)
        return packets

    def _senders(
        self, event: Surge, draws: np.random.Generator, salt: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """The sources of a surge, in an order of chance."""
        codes = list(event.countries)
        if event.kind == "single-source":
            number = self._country(codes[0])
            high, low = self._one(number, event.source, salt)
            return np.array([number]), np.array([high], np.uint64), np.array([low], np.uint64)
        counts = whole(np.array([event.countries[code] for code in codes]), event.sources)
        country = np.repeat(np.array([self._country(code) for code in codes]), counts)
        within = np.concatenate([np.arange(count) for count in counts])
        size = self.population.size[country]
        chosen = self.population.start[country] + (within + salt * 7919) % size
        order = draws.permutation(len(chosen))
        return country[order], self.population.high[chosen[order]], self.population.low[chosen[order]]

    def _burst(self, event: BackscatterBurst, draws: np.random.Generator, salt: int) -> Packets:
        start, end = self.description.moment_us(event.start), self.description.moment_us(event.end)
        day = day_of(self.description, event.start.date())
        places = np.flatnonzero(self.watched.observed[day])
        count = round(event.rate * self.scale * len(places))
        counts = whole(np.array([event.replies.get(name, 0.0) for name in BURST_REPLIES]), count)
        number = self._country(event.country)
        high, low = self._one(number, event.source, salt)
        parts = []
        for name, share in zip(BURST_REPLIES, counts, strict=True):
            packets = self._to(places[draws.integers(0, len(places), share)], draws)
            packets.time_us[:] = draws.integers(start, end, share)
            packets.country[:] = number
            packets.source_high[:] = high
            packets.source_low[:] = low
            dress(packets, _reply(name, event.attacked_port), named_ports(self.mix), draws, salt)
            if packets.form[:1].tolist() == [Form.ICMP]:
                packets.acknowledgement[:] = event.attacked_port
            parts.append(packets)
        return Packets.join(parts)

    def _periodic(self, event: PeriodicSource, draws: np.random.Generator, salt: int) -> Packets:
        first, last = day_of(self.description, event.first), day_of(self.description, event.last)
        start, end = int(self.watched.day_start_us[first]), int(self.watched.day_start_us[last + 1])
        every = max(round(event.every_seconds * 1_000_000 / self.scale), 1)
        ticks = np.arange(start + int(draws.integers(0, every)) // 2, end, every)
        day = np.searchsorted(self.watched.day_start_us, ticks, side="right") - 1
        tick, chosen = np.nonzero(self.watched.observed[day])
        number = self._country(event.country)
        high, low = self._one(number, event.source, salt)
        packets = self._to(chosen, draws)
        packets.time_us[:] = np.minimum(ticks[tick] + chosen * (_STEP_US // 10), end - 1)
        packets.country[:] = number
        packets.source_high[:] = high
        packets.source_low[:] = low
        dress(packets, event.shape, named_ports(self.mix), draws, salt)
        return packets

    def _to(self, chosen: npt.NDArray[np.int64], draws: np.random.Generator) -> Packets:
        packets = Packets.blank(len(chosen))
        place(packets, self.watched, chosen, self.mix.family, draws)
        return packets

    def _country(self, code: str) -> int:
        return [country.code for country in self.description.countries].index(code)

    def _one(self, country: int, stated: IPv4Address | IPv6Address | None, salt: int) -> tuple[int, int]:
        return one_source(self.description, country, stated, self.mix.family, self.mix.name, str(salt))


def _sweeps(
    places: npt.NDArray[np.int64], count: int, draws: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Go through all places as often as the count allows; what is left goes to some of them by chance."""
    full, left = divmod(count, len(places))
    partial = np.sort(draws.choice(places, left, replace=False))
    sweep = np.concatenate([np.repeat(np.arange(full), len(places)), np.full(left, full)])
    return sweep, np.concatenate([np.tile(places, full), partial])


def _reply(name: str, attacked_port: int) -> Shape:
    if name in {"syn-ack", "rst"}:
        return Shape(Key(Form.TCP, 1024, 0xFFFF), Reply(name), attacked_port, 1.0, {}, PayloadKind.NONE)
    kind = 3 if name == "unreachable" else 11
    return Shape(Key(Form.ICMP, kind, kind), Reply.NONE, None, 1.0, {}, PayloadKind.NONE)
