"""What is missing of a period's data, and what of it counts twice.

Missing are times without observation, batches that never came, and losses told of. What two epochs of a
sensor both observed counts twice: a capture replayed again, or a spool that was copied.

A report of data that is still coming in, or that was lost on the way, is right about what it has; this says
what it has not. Batches of a sensor are numbered within an epoch, so that a number that is missing is known,
and about when it was; what was not observed or not sent yet shows as time without observation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from teiten_collector.analysis.exposure import observed_stretches, overlapping_stretches
from teiten_collector.analysis.scope import utc_day
from teiten_collector.analysis.statements import LOSSES, MISSING_BATCHES
from teiten_collector.store import Days

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from teiten_collector.analysis.exposure import Stretch
    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Engine, Registration, Sensor

LEAST_GAP_NS: Final = 60 * 1_000_000_000
"""Less than a minute is no gap worth a line; the denominators leave it out all the same."""
_BATCHES, _PACKETS, _KERNEL = "_batches", "_packets", "kernel_dropped"


@dataclass(frozen=True, slots=True)
class Times:
    """From when to when something holds of a sensor; nanoseconds of the Unix epoch."""

    sensor: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class MissingBatches:
    """A run of an epoch's batches that never came.

    Attributes:
        sensor: Whose.
        epoch: Which epoch.
        first: The first missing number.
        last: The last one.
        from_ns: End of the batch before; None where none before came.
        to_ns: Start of the batch after.
    """

    sensor: str
    epoch: int
    first: int
    last: int
    from_ns: int | None
    to_ns: int


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a sensor told it had lost.

    Attributes:
        sensor: Which.
        reason: Why: of its spool (`full`, `age`), or `kernel_dropped`.
        batches: How many batches; 0 where the kernel dropped packets.
        packets: How many packets, as far as they are known.
        from_ns: Start of the first batch that told of it.
        to_ns: End of the last one.
    """

    sensor: str
    reason: str
    batches: int
    packets: int
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Completeness:
    """What is missing of a period, and what of it counts twice.

    Attributes:
        gaps: When a sensor was registered and did not observe.
        missing: Batches that never came.
        losses: What sensors told they had lost.
        overlaps: What two epochs of a sensor both observed: its packets count twice.
    """

    gaps: tuple[Times, ...]
    missing: tuple[MissingBatches, ...]
    losses: tuple[Loss, ...]
    overlaps: tuple[Times, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not (self.gaps or self.missing or self.losses)


def completeness(engine: Engine, sensors: Sequence[Sensor], period: Period) -> Completeness:
    """Looks for what is missing of some sensors' data, and for what counts twice."""
    names = [sensor.id for sensor in sensors]
    if not names:
        return Completeness((), (), (), ())
    stretches = observed_stretches(engine, period, sensors)
    gaps = [
        Times(sensor.id, start, end)
        for sensor in sorted(sensors, key=lambda sensor: sensor.id)
        for registered in _registered(sensor.registrations, period)
        for start, end in _uncovered(stretches.get(sensor.id, ()), registered)
        if end - start >= LEAST_GAP_NS
    ]
    missing = [
        MissingBatches(
            row["sensor"],
            row["epoch"],
            row["first_missing"],
            row["last_missing"],
            row["before_ns"],
            row["start_ns"],
        )
        for row in engine.rollup(
            MISSING_BATCHES, [names, period.start_ns, period.end_ns], Days(date.min, date.max)
        ).to_pylist()
    ]
    twice = overlapping_stretches(engine, period, sensors)
    overlaps = [Times(sensor, start, end) for sensor in sorted(twice) for start, end in twice[sensor]]
    return Completeness(tuple(gaps), tuple(missing), _losses(engine, names, period), tuple(overlaps))


def _losses(engine: Engine, names: Sequence[str], period: Period) -> tuple[Loss, ...]:
    found: dict[tuple[str, str], Loss] = {}
    days = Days(date.min, utc_day(period.end_minute - 1))
    rows = engine.rollup(LOSSES, [period.end_ns, period.start_ns, list(names)], days).to_pylist()
    for row in rows:
        counters: dict[str, int] = json.loads(row["counters"])
        told: dict[str, list[int]] = {}
        for name, count in counters.items():
            if not count:
                continue
            if name == _KERNEL:
                told.setdefault(_KERNEL, [0, 0])[1] += count
            elif name.startswith("lost.") and name.endswith((_BATCHES, _PACKETS)):
                reason, _, kind = name.removeprefix("lost.").rpartition("_")
                told.setdefault(reason, [0, 0])[f"_{kind}" == _PACKETS] += count
        for reason, (batches, packets) in sorted(told.items()):
            subject = (row["sensor"], reason)
            before = found.get(subject, Loss(*subject, 0, 0, row["start_ns"], row["end_ns"]))
            found[subject] = Loss(
                *subject,
                before.batches + batches,
                before.packets + packets,
                min(before.from_ns, row["start_ns"]),
                max(before.to_ns, row["end_ns"]),
            )
    return tuple(found[subject] for subject in sorted(found))


def _registered(registrations: Iterable[Registration], period: Period) -> list[Stretch]:
    """The times within a period when anything was registered, in order and apart."""
    cut = sorted(
        (
            max(registration.from_ns, period.start_ns),
            period.end_ns if registration.to_ns is None else min(registration.to_ns, period.end_ns),
        )
        for registration in registrations
    )
    found: list[Stretch] = []
    for start, end in cut:
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _uncovered(stretches: Iterable[Stretch], within: Stretch) -> list[Stretch]:
    """The parts of a time that no stretch covers."""
    gaps: list[Stretch] = []
    reached = within[0]
    for start, end in stretches:
        if start > reached:
            gaps.append((reached, min(start, within[1])))
        reached = max(reached, end)
        if reached >= within[1]:
            break
    if reached < within[1]:
        gaps.append((reached, within[1]))
    return [(start, end) for start, end in gaps if start < end]
