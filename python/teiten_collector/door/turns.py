"""Whose turn it is: blocking work has few places, and who had least of the processors of late goes first.

A call waits as if it had come later by what its sender took of late. So those who send as much as they can,
be it refused or taken, hold themselves up and hardly anybody else; and nobody waits for ever, because what
was taken is forgotten by half every `HALF_LIFE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from anyio import CapacityLimiter, to_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_Result = TypeVar("_Result")

HALF_LIFE_SECONDS: Final = 10.0
"""A sensor that sends a batch a minute begins anew with each; one that sends without end never does."""
MAX_SENDERS: Final = 65_536
"""Senders remembered at once: only what a token has proven is one, so this is never reached by abuse."""


class Taken:
    """Seconds of the processors that each sender took of late. Used by the event loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody has taken anything; `clock` is a monotonic one in seconds."""
        self._clock = clock
        self._of: dict[str, tuple[float, float]] = {}

    def of(self, sender: str) -> float:
        """What a sender took, less with time."""
        seconds, at = self._of.get(sender, (0.0, 0.0))
        return seconds * 0.5 ** ((self._clock() - at) / HALF_LIFE_SECONDS) if seconds else 0.0

    def add(self, sender: str, seconds: float) -> None:
        """A sender took more."""
        if sender not in self._of and len(self._of) >= MAX_SENDERS:
            self._of.clear()
        self._of[sender] = (self.of(sender) + seconds, self._clock())

    def due(self, sender: str) -> float:
        """When a call of a sender that comes now counts as having come."""
        return self._clock() + self.of(sender)


class Turns:
    """Places for blocking calls. Used by the event loop alone."""

    def __init__(self, places: int, taken: Taken) -> None:
        """Let so many calls run at once; several kinds of places may share what was taken."""
        self._threads = CapacityLimiter(places)
        self._free = places
        self._taken = taken
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    async def run(self, sender: str, call: Callable[[], _Result]) -> _Result:
        """Run a call in a thread when its sender's turn has come; its result, or what it raises."""
        spent = 0.0

        def timed() -> _Result:
            nonlocal spent
            began = time.thread_time()
            try:
                return call()
            finally:
                spent = time.thread_time() - began

        async with self._place(sender):
            try:
                return await to_thread.run_sync(timed, limiter=self._threads)
            finally:
                self._taken.add(sender, spent)

    @asynccontextmanager
    async def _place(self, sender: str) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (self._taken.due(sender), next(self._arrivals), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave()
                raise
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        """Hand a place on to whoever is due first, or set it free."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
