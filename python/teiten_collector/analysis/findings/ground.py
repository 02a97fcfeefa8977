"""What findings about accesses are made from: both tallies, and what heavy sources sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from teiten_collector.analysis.chance import dispersion, quasi_rise, rate_rise
from teiten_collector.analysis.flows import Flow, PortUse, active_minutes, flows, source_ports
from teiten_collector.analysis.surges import LEAST_DAYS, Rise, find_rise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import numpy.typing as npt

    from teiten_collector.analysis.ranks import Row
    from teiten_collector.analysis.rates import Accesses
    from teiten_collector.analysis.tallies import Share, Source
    from teiten_collector.store import Engine

    Numbers = npt.NDArray[np.float64]

LEVEL = 0.001
"""A change that chance makes with this probability, times the number of subjects looked at, is none."""
MATERIAL_SHARE = 0.0005
"""What is less than this share of all accesses is not worth a sentence."""
MATERIAL_PACKETS = 30
"""Nor what is fewer packets than these."""
RANKED = 20
"""Subjects looked at: so many leading ones by rate, by rise and by fall."""
MOST = 0.5
"""From this share on, something is most of a thing."""
PERIODIC_CANDIDATES = 200


@dataclass(frozen=True)
class Ground:
    """Everything a finding about accesses may look at.

    Attributes:
        accesses: The figures.
        flows_now: What heavy sources sent in the period.
        flows_then: What the same sources sent in the compared period.
        ports_now: The source port that most probes of each leading key came from.
        minutes: When heavy sources sent to leading keys, in minutes since the Unix epoch.
    """

    accesses: Accesses
    flows_now: tuple[Flow, ...]
    flows_then: tuple[Flow, ...]
    ports_now: Mapping[str, PortUse]
    minutes: Mapping[tuple[Source, str], list[int]]

    @property
    def days(self) -> tuple[date, ...]:
        """The days of the period."""
        return self.accesses.now.calendar.days

    @property
    def material_rate(self) -> float:
        """The least rate worth a sentence."""
        days = self.accesses.current.days
        if days <= 0:
            return float("inf")
        return max(MATERIAL_SHARE * (self.accesses.total.rate or 0.0), MATERIAL_PACKETS / days)

    @cached_property
    def ports(self) -> tuple[Row, ...]:
        """The keys looked at."""
        return leading(self.accesses.ports)

    @cached_property
    def countries(self) -> tuple[Row, ...]:
        """The countries looked at."""
        return leading(self.accesses.countries)

    @cached_property
    def exposure_now(self) -> Numbers:
        """Address-days of each day of the period."""
        return np.asarray(self.accesses.current_days)

    @cached_property
    def exposure_then(self) -> Numbers:
        """Address-days of each day of the compared period."""
        return np.asarray(self.accesses.previous_days)

    def key_days(self, key: str) -> tuple[Numbers, Numbers]:
        """Packets of a key on each day, of the period and of the compared one."""
        return self.accesses.now.key_days.of(key), self.accesses.then.key_days.of(key)

    @cached_property
    def rises(self) -> Mapping[str, Rise]:
        """The rises within the period that chance does not make, by key."""
        found = {}
        for row in self.ports:
            if (row.change or 0.0) < self.material_rate:
                continue
            now, then = self.key_days(row.key)
            rise = find_rise(then, self.exposure_then, now, self.exposure_now)
            if rise and rise.first is not None and rise.probability * len(self.ports) < LEVEL:
                found[row.key] = rise
        return found

    def changed(self, now: Numbers, then: Numbers, subjects: int) -> bool:
        """Whether daily counts changed more than chance makes them, among so many subjects looked at."""
        before, after = (then, now), (now, then)
        rates = [
            float(counts.sum() / days.sum()) if days.sum() > 0 else 0.0
            for counts, days in ((now, self.exposure_now), (then, self.exposure_then))
        ]
        if rates[0] < rates[1]:
            before, after = after, before
            days = (self.exposure_now, self.exposure_then)
        else:
            days = (self.exposure_then, self.exposure_now)
        return _unlikely(before[0], days[0], after[0], days[1]) * subjects < LEVEL

    def shares(self, key: str) -> tuple[Share, ...]:
        """The heavy sources of a key."""
        return self.accesses.now.sources.heavy_keys.get(key, ())

    def sent(self, source: Source, key: str | None = None) -> tuple[Flow, ...]:
        """What a source sent in the period."""
        return (
            self._by_source_now.get(source, ())
            if key is None
            else tuple(flow for flow in self._by_source_now.get(source, ()) if flow.key == key)
        )

    def sent_then(self, source: Source, key: str | None = None) -> int:
        """Packets of a source in the compared period."""
        return sum(
            flow.packets for flow in self._by_source_then.get(source, ()) if key is None or flow.key == key
        )

    def first_seen(self, source: Source, key: str) -> date | None:
        """The first day of the compared period on which a source sent to a key; None where it did not."""
        days = [flow.day for flow in self._by_source_then.get(source, ()) if flow.key == key]
        return self.accesses.then.calendar.days[min(days)] if days else None

    @cached_property
    def _by_source_now(self) -> Mapping[Source, tuple[Flow, ...]]:
        return _by_source(self.flows_now)

    @cached_property
    def _by_source_then(self) -> Mapping[Source, tuple[Flow, ...]]:
        return _by_source(self.flows_then)


def make_ground(engine: Engine, accesses: Accesses) -> Ground:
    """Reads what the findings need."""
    ports, countries = leading(accesses.ports), leading(accesses.countries)
    heavy = _heavy(accesses, ports, countries)
    now = flows(engine, accesses.now, heavy)
    keys = [row.key for row in ports if row.count]
    return Ground(
        accesses=accesses,
        flows_now=now,
        flows_then=flows(engine, accesses.then, heavy),
        ports_now=source_ports(engine, accesses.now, keys),
        minutes=active_minutes(engine, accesses.now, _periodic_candidates(now, set(keys))),
    )


def leading(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows that lead any ranking, in their order."""
    return tuple(
        row
        for row in rows
        if any(rank is not None and rank <= RANKED for rank in (row.rank, row.rise_rank, row.fall_rank))
    )


def _heavy(accesses: Accesses, ports: Iterable[Row], countries: Iterable[Row]) -> set[Source]:
    sources = accesses.now.sources
    return {
        share.source
        for subjects, shares in (
            (ports, sources.heavy_keys),
            (countries, sources.heavy_countries),
        )
        for row in subjects
        for share in shares.get(row.key, ())
    }


def _periodic_candidates(now: Iterable[Flow], keys: set[str]) -> list[tuple[Source, str]]:
    """Sources with keys whose minutes are looked at: leading, and not so many that they never rest."""
    packets: dict[tuple[Source, str], int] = {}
    for flow in now:
        if flow.key in keys:
            subject = (flow.source, flow.key)
            packets[subject] = packets.get(subject, 0) + flow.packets
    ordered = sorted(packets.items(), key=lambda item: (-item[1], item[0]))
    return [subject for subject, _ in ordered[:PERIODIC_CANDIDATES]]


def _by_source(listed: Iterable[Flow]) -> dict[Source, tuple[Flow, ...]]:
    found: dict[Source, list[Flow]] = {}
    for flow in listed:
        found.setdefault(flow.source, []).append(flow)
    return {source: tuple(sent) for source, sent in found.items()}


def _unlikely(before: Numbers, before_days: Numbers, after: Numbers, after_days: Numbers) -> float:
    """The probability that so much more came afterwards by chance, days differing as they did before."""
    known, seen = before_days > 0, after_days > 0
    if known.sum() < LEAST_DAYS or not seen.any():
        return 1.0
    spread = dispersion(before[known], before_days[known])
    counts = (float(before.sum()), float(before_days.sum()), float(after.sum()), float(after_days.sum()))
    exact = rate_rise(counts[0] / spread, counts[1], counts[2] / spread, counts[3])
    return max(exact, quasi_rise(*counts, spread, float(known.sum() - 1)))
