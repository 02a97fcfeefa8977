"""Deterministic numbers: one generator for each part of a scenario, and hashes over columns.

Each part draws from a generator of its own, so that a change of one part leaves the others as they were.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def generator(seed: int, *parts: str) -> np.random.Generator:
    """Make the generator of one part of a scenario."""
    return np.random.Generator(np.random.PCG64([seed, *(zlib.crc32(part.encode()) for part in parts)]))


def mix(values: npt.NDArray[Any], salt: int = 0) -> npt.NDArray[np.uint64]:
    """Spread 64-bit numbers evenly: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014), one-to-one."""
    mixed = values.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result


def unit(mixed: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Numbers from 0 to below 1 out of mixed ones."""
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
