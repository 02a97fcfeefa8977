"""How much one sender may ask for: buckets that fill by themselves, two a sensor, one for all strangers."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from teiten_collector.door.refusals import Refusal, RefusalCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BUCKETS: Final = 65_536
"""Sensors remembered at once: only ids that a token has proven get a bucket, so this is never reached by
abuse."""

MAX_AT_ONCE: Final = 2
"""Requests of one sensor that are looked at at once: one more than a sensor of ours ever sends."""

STRANGERS_A_MINUTE: Final = 6_000
"""Texts that may be looked up as tokens a minute, besides those that were valid a moment ago: after a restart
a fleet of thousands gets in within its first minute, and a guesser costs a tenth of a core at most."""

ENROLMENTS_A_MINUTE: Final = 60
"""Codes that may be looked at a minute, from everybody together: whoever guesses at 128 bits costs next to
nothing. Sensors that come at once wait their turn."""

READINGS_A_MINUTE: Final = 60
"""Questions of one reader how the sensors stand: of thousands the answer takes a tenth of a second."""

_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sensor may ask for a minute; as much may come at once after a pause.

    Attributes:
        requests: Requests a minute.
        size: Bytes of bodies a minute.
    """

    requests: int
    size: int


class Bucket:
    """Holds up to `capacity`, filled evenly within a minute."""

    def __init__(self, capacity: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin full."""
        self._capacity = capacity
        self._level = capacity
        self._clock = clock
        self._at = clock()

    def take(self, amount: float) -> float:
        """Take an amount; 0, or the seconds after which it could be had (nothing is taken then).

        An amount above the capacity is had from a full bucket, and leaves it in debt.
        """
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self._capacity / _MINUTE)
        self._at = now
        wanted = min(amount, self._capacity)
        if self._level < wanted:
            return (wanted - self._level) * _MINUTE / self._capacity
        self._level -= amount
        return 0.0


class Rates:
    """Decides whether a request may go on. Used by the event loop alone."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the limits."""
        self._limits = limits
        self._clock = clock
        self._buckets: dict[str, tuple[Bucket, Bucket]] = {}
        self._at_once: Counter[str] = Counter()
        self._strangers = Bucket(STRANGERS_A_MINUTE, clock)
        self._enrolments = Bucket(ENROLMENTS_A_MINUTE, clock)
        self._readings: dict[str, Bucket] = {}

    def admit_stranger(self) -> None:
        """Let one unknown token be looked up.

        Raises:
            Refusal: RATE.
        """
        self._require(self._strangers.take(1), "too many requests with tokens that are not known")

    def admit_enrolment(self) -> None:
        """Let one code be looked at.

        Raises:
            Refusal: RATE.
        """
        self._require(self._enrolments.take(1), f"more than {ENROLMENTS_A_MINUTE} enrolments a minute")

    def admit_reading(self, reader: str) -> None:
        """Let a reader, whose token was valid, ask how the sensors stand.

        Raises:
            Refusal: RATE.
        """
        bucket = self._readings.setdefault(reader, Bucket(READINGS_A_MINUTE, self._clock))
        self._require(bucket.take(1), f"more than {READINGS_A_MINUTE} questions of a reader a minute")

    @contextmanager
    def inside(self, sensor: str, length: int) -> Iterator[None]:
        """Let a request of a sensor in, and have it looked at until the block ends.

        Raises:
            Refusal: RATE.
        """
        if self._at_once[sensor] >= MAX_AT_ONCE:
            self._require(1.0, f"{MAX_AT_ONCE} requests of this sensor are being looked at")
        requests, size = self._of(sensor)
        self._require(requests.take(1), f"more than {self._limits.requests} requests a minute")
        self._require(size.take(length), f"more than {self._limits.size} bytes a minute")
        self._at_once[sensor] += 1
        try:
            yield
        finally:
            self._at_once[sensor] -= 1
            if not self._at_once[sensor]:
                del self._at_once[sensor]

    def _of(self, sensor: str) -> tuple[Bucket, Bucket]:
        found = self._buckets.get(sensor)
        if found is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()
            found = Bucket(self._limits.requests, self._clock), Bucket(self._limits.size, self._clock)
            self._buckets[sensor] = found
        return found

    def _require(self, seconds: float, reason: str) -> None:
        if seconds:
            raise Refusal(RefusalCode.RATE, reason, retry_after=max(1, int(seconds + 0.999)))
