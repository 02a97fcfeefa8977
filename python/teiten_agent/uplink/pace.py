"""A bounded rate: what comes back after days away must not fill the link for everyone else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """Spaces requests so that their bytes stay below a rate, measured from one to the next."""

    def __init__(
        self,
        bytes_per_second: int,
        sleep: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the rate; 0 means none."""
        self._rate = bytes_per_second
        self._sleep = sleep
        self._clock = clock
        self._free_at = clock()

    def wait(self, size: int) -> None:
        """Wait until `size` bytes may be sent; those before them have had their time by then."""
        if not self._rate:
            return
        now = self._clock()
        if self._free_at > now:
            self._sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + size / self._rate
