"""How many sources there were where a sensor gave them up: estimates from the sketches of its batches.

A sketch is a HyperLogLog of 1,024 registers (docs/reference/batch-format.md): the standard error is 3.3 %, of
the union of any sketches as of one. Sources that are in the tables as well, because they came before or
after, count twice in a sum of both: it is an upper estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from teiten_collector.analysis.statements import SKETCHES
from teiten_protocol import SKETCH_REGISTERS, Family

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from teiten_collector.analysis.scope import Scope
    from teiten_collector.store import Engine

STANDARD_ERROR: Final = 1.04 / math.sqrt(SKETCH_REGISTERS)
"""Of every estimate, as a share of it (Flajolet et al., "HyperLogLog", 2007)."""

_LARGEST: Final = 54
"""Ranks below the highest, which is one more."""


@dataclass(frozen=True, slots=True)
class MergedSources:
    """About how many different sources were merged.

    Attributes:
        total: Of any key.
        keys: Of each key with a sketch of its own; what others had is in `total` alone.
    """

    total: int
    keys: Mapping[str, int]


def merged_sources(engine: Engine, scope: Scope) -> MergedSources:
    """Joins the sketches of a scope.

    Sketches that keys of both families share count as IPv4's.
    """
    if not scope.sensors:
        return MergedSources(0, {})
    rows = engine.rollup(SKETCHES, scope.parameters, scope.days).to_pylist()
    if scope.family is Family.IPV4:
        parameters = scope.parameters
        parameters[4] = 0
        rows += engine.rollup(SKETCHES, parameters, scope.days).to_pylist()
    total = np.zeros(SKETCH_REGISTERS, np.uint8)
    keys: dict[str, npt.NDArray[np.uint8]] = {}
    for row in rows:
        registers = np.frombuffer(row["registers"], np.uint8)
        total = np.maximum(total, registers)
        if row["key"] is not None:
            keys[row["key"]] = np.maximum(keys.get(row["key"], registers), registers)
    return MergedSources(estimate(total), {key: estimate(found) for key, found in sorted(keys.items())})


def estimate(registers: npt.NDArray[np.uint8]) -> int:
    """About how many different sources a sketch has seen.

    Ertl's improved raw estimate ("New cardinality estimation algorithms for HyperLogLog sketches", 2017,
    algorithm 6), as the sensor's core computes it.
    """
    counts = np.bincount(np.minimum(registers, _LARGEST + 1), minlength=_LARGEST + 2)
    size = float(len(registers))
    total = size * _tau(1.0 - counts[_LARGEST + 1] / size)
    for rank in range(_LARGEST, 0, -1):
        total = 0.5 * (total + float(counts[rank]))
    total += size * _sigma(float(counts[0]) / size)
    return round(size * size / (2.0 * math.log(2.0)) / total)


def _sigma(share: float) -> float:
    if share >= 1.0:
        return math.inf
    power, weight, total = share, 1.0, share
    while True:
        power *= power
        before = total
        total += power * weight
        weight += weight
        if total <= before:
            return total


def _tau(share: float) -> float:
    if share <= 0.0 or share >= 1.0:
        return 0.0
    root, weight, total = share, 1.0, 1.0 - share
    while True:
        root = math.sqrt(root)
        before = total
        weight *= 0.5
        total -= (1.0 - root) ** 2 * weight
        if total >= before:
            return total / 3.0
