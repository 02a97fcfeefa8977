"""What several capture threads counted of one time, put together, so that it is stored at once or not at all.

Each thread has its share of the sources (`capture.threads`). Stored one by one, their intervals would claim a
time as observed of which another share was not stored yet, and a power cut between two would make that true
for ever. So intervals wait here for a moment up to which every thread has given what it counted, and which
none of them reaches across: the end of an interval by time is one.

Nothing waits long. Where every thread has given something and no such moment came for `PATIENCE_SECONDS` (the
interface was lost), where one has given more than `MOST_HELD` intervals meanwhile (a flood, or another thread
hears nothing), or where the clock was set back, everything goes as it is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from teiten_protocol import MAX_EXAMPLES, MAX_QUOTED, MAX_ROWS, MAX_SKETCHES
from teiten_protocol.limits import MAX_DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from teiten_agent import _core
    from teiten_agent.watch import Observation

PATIENCE_SECONDS: Final = 5.0
"""Ten times as long as a thread waits for late packets before it closes an interval by time."""
MOST_HELD: Final = 8
"""Intervals of one thread; of a table of 16 MB that all threads have together these are less than 100 MB."""


class Shares:
    """Holds intervals until those of all threads that belong together are there. For one thread at a time."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Expect intervals of so many threads; `clock` is a monotonic one in seconds."""
        self._held: dict[int, list[Observation]] = {thread: [] for thread in range(threads)}
        self._capturing = set(self._held)
        self._clock = clock
        self._since: float | None = None

    def add(self, thread: int, observation: Observation) -> list[list[Observation]]:
        """Take an interval of a thread; what is complete now: groups of what belongs together, in order."""
        held = self._held[thread]
        groups = []
        if held and observation.interval.span[0] < held[-1].interval.span[1]:  # the clock was set back
            groups += self._all()
        held.append(observation)
        if len(held) > MOST_HELD:
            groups += self._all()
        return groups + self._complete()

    def end(self, thread: int) -> list[list[Observation]]:
        """A thread has ended and gives nothing any more; as `add`."""
        self._capturing.discard(thread)
        return self._complete()

    def overdue(self) -> list[list[Observation]]:
        """What has waited too long although every thread has given something; as `add`."""
        late = self._since is not None and self._clock() - self._since > PATIENCE_SECONDS
        return self._all() if late else []

    def _complete(self) -> list[list[Observation]]:
        spans = [one.interval.span for held in self._held.values() for one in held]
        capturing = [self._held[thread] for thread in self._capturing]
        if not spans or not all(capturing):
            self._since = None
            return []
        reached = min((held[-1].interval.span[1] for held in capturing), default=max(end for _, end in spans))
        cuts = [
            cut for _, cut in spans if cut <= reached and not any(start < cut < end for start, end in spans)
        ]
        if cuts:
            self._since = None
            return [self._until(max(cuts))]
        if self._since is None:
            self._since = self._clock()
        return []

    def _all(self) -> list[list[Observation]]:
        self._since = None
        return [self._until(max(one.interval.span[1] for held in self._held.values() for one in held))]

    def _until(self, cut: int) -> list[Observation]:
        together = [one for held in self._held.values() for one in held if one.interval.span[1] <= cut]
        for held in self._held.values():
            held[:] = [one for one in held if one.interval.span[1] > cut]
        return sorted(together, key=lambda one: one.interval.span)


def fitting(observations: list[Observation]) -> list[list[Observation]]:
    """Split what belongs together only where one batch cannot hold it."""
    groups: list[list[Observation]] = [[]]
    for observation in observations:
        if groups[-1] and not _fit([one.interval for one in (*groups[-1], observation)]):
            groups.append([])
        groups[-1].append(observation)
    return groups


def _fit(intervals: list[_core.Interval]) -> bool:
    return (
        sum(one.ipv4.rows + one.ipv6.rows for one in intervals) <= MAX_ROWS
        and sum(one.detections.rows for one in intervals) <= MAX_DETECTIONS
        and sum(one.quoted.rows for one in intervals) <= MAX_QUOTED
        and sum(one.sketches.rows for one in intervals) <= MAX_SKETCHES
        and sum(one.examples.rows for one in intervals) <= MAX_EXAMPLES
    )
