"""How far a roll-out has come, and whether it may go on: a pure function of what the sensors told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Final

from teiten_protocol.fleet import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from teiten_protocol.fleet import Condition

SECOND_NS: Final = 1_000_000_000
SILENT_NS: Final = 1_800 * SECOND_NS
"""A sensor that took a release and was not heard for so long has lost its health with it: twice its trial."""


@dataclass(frozen=True, slots=True)
class Told:
    """A sensor's condition, when it came, and since when release and outcome are as they are."""

    sensor: str
    condition: Condition
    reported_ns: int
    since_ns: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """One release on its way to the sensors of some groups.

    Attributes:
        number: Its number; a later one takes the place of an earlier one.
        release: Digest of its file.
        name: What the file was called.
        size: Bytes of the file.
        groups: Whose sensors get it.
        stages: Percentages of these sensors, ascending, the last 100; a stage has one sensor at least.
        soak_ns: How long every sensor of a stage must be good before the next stage begins.
        most_failures: Failures that do not stop it.
        started_ns: When it began.
        stopped_ns: When it was stopped; None while it goes on.
        stopped_for: Why.
    """

    number: int
    release: str
    name: str
    size: int
    groups: tuple[str, ...]
    stages: tuple[int, ...]
    soak_ns: int
    most_failures: int
    started_ns: int
    stopped_ns: int | None = None
    stopped_for: str = ""


class Step(StrEnum):
    """Where a sensor is with a roll-out."""

    WAITING = "waiting"
    OFFERED = "offered"
    TRYING = "trying"
    GOOD = "good"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a roll-out has come.

    Attributes:
        stage: The stage it is in, counted from 1.
        steps: Where each sensor is, in the order in which they get it.
        failures: A sentence on each sensor that failed.
    """

    stage: int
    steps: Mapping[str, Step]
    failures: tuple[str, ...]

    @property
    def done(self) -> bool:
        """Whether every sensor has it and is good."""
        return all(step is Step.GOOD for step in self.steps.values())


def advance_of(rollout: Rollout, sensors: Sequence[str], told: Mapping[str, Told], now_ns: int) -> Advance:
    """Where every sensor is, and which may have the release by now.

    Args:
        rollout: What is rolled out.
        sensors: The enabled sensors of its groups.
        told: What each sensor told last.
        now_ns: Nanoseconds of Unix time.
    """
    order = sorted(sensors, key=lambda sensor: _draw(rollout.number, sensor))
    steps: dict[str, Step] = {}
    failures: list[str] = []
    for sensor in order:
        step, why = _step(rollout, told.get(sensor), now_ns)
        steps[sensor] = step
        if why:
            failures.append(f"{sensor}: {why}")
    stage = 1
    for number, percent in enumerate(rollout.stages, 1):
        stage = number
        members = order[: max(1, ceil(len(order) * percent / 100))]
        soaked = all(
            steps[sensor] is Step.GOOD and told[sensor].since_ns + rollout.soak_ns <= now_ns
            for sensor in members
            if steps[sensor] is not Step.FAILED
        )
        for sensor in members:
            if steps[sensor] is Step.WAITING:
                steps[sensor] = Step.OFFERED
        if not soaked:
            break
    return Advance(stage, steps, tuple(failures))


def _step(rollout: Rollout, told: Told | None, now_ns: int) -> tuple[Step, str]:
    if told is None or told.condition.release != rollout.release:
        return Step.WAITING, ""
    match told.condition.outcome:
        case Outcome.NONE:
            return Step.WAITING, ""
        case Outcome.REFUSED | Outcome.ROLLED_BACK:
            return Step.FAILED, f"{told.condition.outcome}: {told.condition.said}"
        case Outcome.INSTALLED | Outcome.GOOD:
            if now_ns - told.reported_ns > SILENT_NS:
                return Step.FAILED, "silent since it took the release"
            if not told.condition.capturing:
                return Step.FAILED, "captures no more since it took the release"
            return (Step.GOOD if told.condition.outcome is Outcome.GOOD else Step.TRYING), ""


def _draw(number: int, sensor: str) -> bytes:
    """A place in the order that is another one in each roll-out, so that no sensor is always the first."""
    return hashlib.sha256(f"{number}:{sensor}".encode()).digest()
