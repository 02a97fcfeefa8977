"""How far somebody searched, judged from which monitored addresses were reached (the 2009 report, 2-3).

A hit is one source reaching one address on one day, however often it tried. Three things are asked of hits:

* How many sensors and addresses were reached, against what as many hits would reach if each chose any
  monitored address (occupancy), and how even the hits of each day are over addresses (index of dispersion).
  Whoever goes through all addresses reaches more, and more evenly, than chance.
* Whether sensors were left out, or sources sit close to the sensors they reached (shared leading bits,
  against the same hits dealt out anew). Then the search was local.
* In which order one source took the addresses of a sensor (rank correlation of address and time).

Where the hits speak against neither an exhaustive search nor a random one, or against both, the verdict is
that the evidence is insufficient.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from teiten_collector.analysis.chance import (
    evenness,
    occupied,
    occupied_tails,
    rank_correlation,
    reached_tails,
    spread_tails,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

LEVEL = 0.01
"""What is less likely than this is not put down to chance."""
LEAST_HITS = 5
"""Fewer hits say nothing."""
LEAST_EXCESS = 0.5
"""The surge must be at least this share of the hits: the rest came before it too."""
NEARLY_ALL = 0.8
FEW_SENSORS = 2
FEW_SHARE = 0.2
_ONE_MORE = 0.25
"""Variance of a count that is one more on some addresses than on others: half of them at most."""
_SHUFFLES = 999
_SHUFFLED_HITS = 5_000
_ORDERED_SOURCES = 20


class Reach(StrEnum):
    """Which share of the observing sensors was reached, in the words of table 2-1."""

    ALL = "all"
    NEARLY_ALL = "nearly-all"
    SEVERAL = "several"
    FEW = "few"
    NONE = "none"


class Range(StrEnum):
    """What range was searched."""

    EXHAUSTIVE = "exhaustive"
    RANDOM = "random"
    LOCAL = "local"
    INSUFFICIENT = "insufficient-evidence"


@dataclass(frozen=True, slots=True)
class Hit:
    """One source reached one address on one day.

    Attributes:
        sensor: Whose address.
        source: The source's IPv4 address.
        address: The monitored IPv4 address.
        day: The number of the day.
        minute: When first on that day, in minutes.
    """

    sensor: str
    source: int
    address: int
    day: int
    minute: int


@dataclass(frozen=True, slots=True)
class ScanRange:
    """The verdict, and what it rests on. No address is in it.

    Attributes:
        reach: In words.
        sensors_reached: Sensors with a hit.
        sensors_observing: Sensors that observed anything then.
        sensors_by_chance: How many sensors as many hits would reach by chance.
        addresses_reached: Monitored addresses with a hit.
        addresses_observing: Monitored addresses observed.
        addresses_by_chance: How many addresses as many hits would reach by chance.
        hits: How many.
        evenness: Probability of hits so even or evener, were every address as likely on every day.
        unevenness: Probability of hits so uneven or more, had every address been gone through in turn.
        fewer_sensors: Probability of so few sensors or fewer by chance.
        order: Rank correlation of address and time of the sources that reached most; None where unknown.
        order_probability: Probability of such a correlation without order; None where unknown.
        closeness: Leading bits shared by sources and addresses reached, beyond the same hits dealt out anew.
        closeness_probability: Probability of that by chance.
        verdict: The range.
        confidence: 1 less the probability that chance alone made it look so; None without a verdict.
    """

    reach: Reach
    sensors_reached: int
    sensors_observing: int
    sensors_by_chance: float
    addresses_reached: int
    addresses_observing: int
    addresses_by_chance: float
    hits: int
    evenness: float
    unevenness: float
    fewer_sensors: float
    order: float | None
    order_probability: float | None
    closeness: float | None
    closeness_probability: float | None
    verdict: Range
    confidence: float | None


def judge_range(hits: Sequence[Hit], observing: Mapping[str, int], excess: float) -> ScanRange:
    """Judges the range of a search.

    Args:
        hits: Every hit of the surge's elevated days.
        observing: How many addresses each sensor observed; sensors without any are left out.
        excess: Which share of the hits is beyond the rate of the days before, 0 to 1.
    """
    hits = [hit for hit in hits if hit.sensor in observing]
    sensors = {hit.sensor for hit in hits}
    places = sum(observing.values())
    reached = len({hit.address for hit in hits})
    number = len(hits)
    weights = (
        np.asarray([observing[sensor] / places for sensor in sorted(observing)]) if places else np.zeros(0)
    )
    chances = -np.expm1(-number * weights)
    fewer, _ = reached_tails(len(sensors), chances)
    tails = _evenness(hits, places, excess)
    order, order_probability = _order(hits)
    closeness, closeness_probability = _closeness(hits)
    reach = _reach(len(sensors), len(observing))
    local = min(1.0, 2 * min(fewer, 1.0 if closeness_probability is None else closeness_probability))
    verdict, confidence = _verdict(number, reached, places, reach, excess, local, tails)
    return ScanRange(
        reach=reach,
        sensors_reached=len(sensors),
        sensors_observing=len(observing),
        sensors_by_chance=float(chances.sum()),
        addresses_reached=reached,
        addresses_observing=places,
        addresses_by_chance=occupied(number, places)[0] if places else 0.0,
        hits=number,
        evenness=tails[0],
        unevenness=tails[1],
        fewer_sensors=fewer,
        order=order,
        order_probability=order_probability,
        closeness=closeness,
        closeness_probability=closeness_probability,
        verdict=verdict,
        confidence=confidence,
    )


def _reach(reached: int, observing: int) -> Reach:
    if not reached:
        return Reach.NONE
    if reached == observing:
        return Reach.ALL
    share = reached / observing
    if share >= NEARLY_ALL:
        return Reach.NEARLY_ALL
    return Reach.FEW if reached <= FEW_SENSORS or share < FEW_SHARE else Reach.SEVERAL


def _evenness(hits: Sequence[Hit], places: int, excess: float) -> tuple[float, float, float]:
    """Probabilities: so even by chance, so uneven in an exhaustive search, so uneven by chance.

    Who goes through all addresses hits each as often on a day as any other, give or take one; what came
    before the surge goes on by chance among its hits. The variance is that of the latter, and of the one.
    """
    days: dict[int, list[int]] = {}
    for hit in hits:
        days.setdefault(hit.day, []).append(hit.address)
    counts = [np.unique(addresses, return_counts=True)[1].astype(np.float64) for addresses in days.values()]
    statistic, freedom = evenness(counts, places)
    if not freedom:
        return 1.0, 1.0, 1.0
    mean = len(hits) / places / len(days)
    spread = min(1.0, (1 - excess) + _ONE_MORE / mean)
    even, uneven = spread_tails(statistic, freedom)
    return even, spread_tails(statistic, freedom, spread)[1], uneven


def _verdict(  # noqa: PLR0913, PLR0917 - what was found, and the three probabilities
    number: int,
    reached: int,
    places: int,
    reach: Reach,
    excess: float,
    local: float,
    tails: tuple[float, float, float],
) -> tuple[Range, float | None]:
    """Either hypothesis is held where the evidence speaks against the other one alone."""
    if number < LEAST_HITS or excess < LEAST_EXCESS or places <= 1:
        return Range.INSUFFICIENT, None
    if local < LEVEL:
        return Range.LOCAL, 1 - local
    even, uneven, beyond = tails
    chance = min(1.0, 2 * min(even, occupied_tails(reached, number, places)[1]))
    if chance < LEVEL and reach in {Reach.ALL, Reach.NEARLY_ALL}:
        return Range.EXHAUSTIVE, 1 - chance
    if chance >= LEVEL and uneven < LEVEL <= beyond:
        return Range.RANDOM, 1 - uneven
    return Range.INSUFFICIENT, None


def _order(hits: Sequence[Hit]) -> tuple[float | None, float | None]:
    """The correlation of the source that shows most of it, for the number of sources looked at."""
    groups: dict[tuple[int, str], dict[int, int]] = {}
    for hit in hits:
        times = groups.setdefault((hit.source, hit.sensor), {})
        times[hit.address] = min(times.get(hit.address, hit.minute), hit.minute)
    longest = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[:_ORDERED_SOURCES]
    found = [
        rank_correlation(
            np.asarray(sorted(times), dtype=np.float64),
            np.asarray([times[address] for address in sorted(times)], dtype=np.float64),
        )
        for _, times in longest
        if len(times) >= LEAST_HITS and len(set(times.values())) > 1
    ]
    if not found:
        return None, None
    correlation, probability = min(found, key=lambda pair: pair[1])
    return correlation, min(1.0, probability * len(found))


def _closeness(hits: Sequence[Hit]) -> tuple[float | None, float | None]:
    """Shared leading bits beyond those of hits dealt out anew, and the probability of that."""
    if len({hit.source for hit in hits}) < LEAST_HITS or len({hit.sensor for hit in hits}) <= 1:
        return None, None
    step = -(-len(hits) // _SHUFFLED_HITS)
    sources = np.asarray([hit.source for hit in hits][::step], dtype=np.int64)
    addresses = np.asarray([hit.address for hit in hits][::step], dtype=np.int64)
    shared = _shared_bits(sources, addresses)
    chance = np.random.default_rng(0)  # fixed: the same data give the same verdict
    dealt = np.asarray([_shared_bits(sources, chance.permutation(addresses)) for _ in range(_SHUFFLES)])
    at_least = int(np.sum(dealt >= shared - 1e-12))
    return shared - float(dealt.mean()), (1 + at_least) / (1 + _SHUFFLES)


def _shared_bits(sources: npt.NDArray[np.int64], addresses: npt.NDArray[np.int64]) -> float:
    differing = np.bitwise_xor(sources, addresses)
    # The exponent of a float of at most 32 bits is exact: the place of the highest differing bit.
    return float(np.mean(32 - np.frexp(differing.astype(np.float64))[1]))
