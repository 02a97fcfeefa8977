"""How long something has waited, on a machine whose clock may be set by years while it runs.

Ages are differences of the files' times and the clock's. When the clock is set, the difference between it and
the time since boot jumps; the files' times are then moved by the same jump, so that ages and order stay as
they were. A board without a battery starts years back and is set by NTP a minute later: nothing must expire
by that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_STEP_NS = 60 * 1_000_000_000
"""What a clock gains or loses by being disciplined between two looks stays far below."""


def _since_boot_ns() -> int:
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Clocks:
    """Two clocks in nanoseconds: one that tells the date, and one that nobody sets."""

    date: Callable[[], int] = time.time_ns
    since_boot: Callable[[], int] = _since_boot_ns


class StepWatch:
    """Notices that the clock was set."""

    def __init__(self, clocks: Clocks) -> None:
        """Begin to watch now."""
        self._clocks = clocks
        self._offset = self._look()

    def step_ns(self) -> int:
        """How far the clock was set since the last call, 0 where it was not; negative: backwards."""
        offset = self._look()
        step = offset - self._offset
        if abs(step) < LEAST_STEP_NS:
            return 0
        self._offset = offset
        return step

    def _look(self) -> int:
        return self._clocks.date() - self._clocks.since_boot()
