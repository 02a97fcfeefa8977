"""Who sends: the sources of each country, and how active each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from teiten_protocol.keys import Family
from teiten_scenario.mixing import generator

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    import numpy.typing as npt

    from teiten_scenario.description import Country, Description

ZIPF_EXPONENT = 0.6
"""Activity of the source of rank r goes with r to the power of minus this: a few are busy, most come once."""

_LOW_BITS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Population:
    """Sources of every country in one family; a country's stand together.

    Attributes:
        start: Position of each country's first source.
        size: Number of each country's sources.
        high: Upper halves of the addresses; 0 for IPv4.
        low: Lower halves of the addresses, or the IPv4 addresses.
    """

    start: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]

    def pick(
        self,
        country: npt.NDArray[Any],
        active: npt.NDArray[Any],
        salt: npt.NDArray[np.uint64],
        chance: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.int64]:
        """Choose a source for each packet.

        Args:
            country: Position of each packet's country.
            active: How many of the country's sources take part.
            salt: Numbers that are equal where the same sources are to take part.
            chance: From 0 to below 1; the same chance chooses the same source.
        """
        size = self.size[country]
        active = np.clip(active, 1, size)
        # The inverse of the continuous Zipf distribution over `active` ranks.
        rank = (active * chance ** (1 / (1 - ZIPF_EXPONENT))).astype(np.int64)
        chosen: npt.NDArray[np.int64] = (
            self.start[country] + ((salt % size.astype(np.uint64)).astype(np.int64) + rank) % size
        )
        return chosen


def populate(description: Description, family: Family) -> Population:
    """Draw every country's sources from its blocks, all different; a country without blocks has none."""
    highs, lows, sizes = [], [], []
    for country in description.countries:
        high, low = _sources(description.seed, country, family)
        highs.append(high)
        lows.append(low)
        sizes.append(len(low))
    size = np.array(sizes, np.int64)
    start = np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64)
    return Population(start, size, np.concatenate(highs), np.concatenate(lows))


def one_source(
    description: Description,
    country: int,
    stated: IPv4Address | IPv6Address | None,
    family: Family,
    *names: str,
) -> tuple[int, int]:
    """Both halves of an event's single source: the stated one, or one drawn from the country's blocks."""
    if stated is not None:
        return halves(int(stated))
    high, low = _sources(description.seed, description.countries[country], family, 1, *names)
    return int(high[0]), int(low[0])


def halves(address: int) -> tuple[int, int]:
    """Both halves of an address as the plan of packets holds them."""
    return address >> 64, address & _LOW_BITS


def _sources(
    seed: int, country: Country, family: Family, count: int | None = None, *names: str
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    networks = [network for network in country.networks if network.version == int(family)]
    if not networks:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    draws = generator(seed, "population", country.code, str(int(family)), *names)
    wanted = country.sources if count is None else count
    # An IPv6 block has no more than 2**40 places here: which of them is enough to tell sources apart.
    sizes = np.array([min(network.num_addresses, 1 << 40) for network in networks], np.int64)
    total = int(sizes.sum())
    wanted = min(wanted, max(total - 2 * len(networks), 1))
    places = np.zeros(0, np.int64)
    while len(places) < wanted:
        more = draws.integers(0, total, 2 * wanted + 16)
        _, first = np.unique(joined := np.concatenate([places, more]), return_index=True)
        places = joined[np.sort(first)]
    places = places[:wanted]
    ends = np.cumsum(sizes)
    block = np.searchsorted(ends, places, side="right")
    within = (places - (ends - sizes)[block]).astype(np.uint64)
    first_high = np.array([halves(int(network.network_address))[0] for network in networks], np.uint64)
    first_low = np.array([halves(int(network.network_address))[1] for network in networks], np.uint64)
    if family is Family.IPV4:
        return np.zeros(wanted, np.uint64), first_low[block] + within
    # The upper bits of the place choose the /64, the lower ones the interface.
    return first_high[block] + (within >> np.uint64(24)), (within & np.uint64(0xFFFFFF)) + np.uint64(1)
