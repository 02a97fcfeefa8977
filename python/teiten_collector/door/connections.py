"""The transport's own limits: how many connections, from where, and how long one may say nothing.

uvicorn has a deadline between two requests of a connection and none before the first, it counts no addresses,
and it logs every request that is none. All three are mended here, so that connections that only cost memory
go away by themselves, and nobody fills a disk with lines of the log.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from teiten_collector.door.refusals import LOG_SECONDS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

HEAD_SECONDS: Final = 20.0
"""How long a connection may take for its handshake and a request's head: some hundred bytes on any link."""


class Connections:
    """Who is connected. Used by the event loop alone."""

    def __init__(self, most: int, most_from_one_address: int) -> None:
        """Take the limits; 0 for an address's means none."""
        self._most = most
        self._most_from_one = most_from_one_address
        self._by_address: Counter[str] = Counter()
        self.open = 0
        self.turned_away = 0
        self.timed_out = 0
        self.malformed = 0

    def enter(self, address: str) -> bool:
        """Count a connection; whether it may stay. `leave` must follow either way."""
        self.open += 1
        self._by_address[address] += 1
        crowded = bool(self._most_from_one) and self._by_address[address] > self._most_from_one
        if crowded or self.open > self._most:
            self.turned_away += 1
            return False
        return True

    def leave(self, address: str) -> None:
        """A connection has ended."""
        self.open -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class Guarded(H11Protocol):
    """HTTP/1.1 with a deadline for each head, on a limited number of connections."""

    limits: ClassVar[Connections]
    _deadline: asyncio.TimerHandle | None = None
    _address = ""
    _receiving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        if self.limits.enter(self._address):
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._head_is_late)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.limits.leave(self._address)
        self._stop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._receiving = True
        super().data_received(data)
        self._receiving = False

    def handle_events(self) -> None:
        """See `H11Protocol`; a deadline runs whenever a head has begun and is not whole.

        Between two requests none runs: how long a connection may be idle is uvicorn's to say.
        """
        before = self.cycle
        super().handle_events()
        begun = self._receiving or bool(self.conn.trailing_data[0])
        if self.cycle is not before:
            self._stop_deadline()
        elif begun and self._deadline is None and not self._is_answering():
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def send_400_response(self, msg: str) -> None:
        """See `H11Protocol`: what came is no HTTP."""
        self.limits.malformed += 1
        super().send_400_response(msg)

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _head_is_late(self) -> None:
        self.limits.timed_out += 1
        self.transport.abort()

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Seldom(logging.Filter):
    """Lets a message through once a minute, and says how many it left out before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a monotonic clock in seconds."""
        super().__init__()
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`. What is told apart are messages before their arguments: a few."""
        at, left_out = self._said.get(record.msg, (float("-inf"), 0))
        now = self._clock()
        if now - at < LOG_SECONDS:
            self._said[record.msg] = (at, left_out + 1)
            return False
        self._said[record.msg] = (now, 0)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} times more since it was last said)"
        return True


def guarded(connections: Connections) -> type[asyncio.Protocol]:
    """A protocol for uvicorn that keeps to the limits of `connections`."""
    return cast("type[asyncio.Protocol]", type("GuardedProtocol", (Guarded,), {"limits": connections}))
