"""Bodies of requests on their way: read within a length and a time, and bounded together in memory.

What counts is what has come, not what was announced: an announcement costs nobody anything. Where bodies
would take more than `MOST_HELD_BYTES` together, the longest of them gives way, so that no one who sends long
bodies slowly, or many of them, keeps the short ones of everybody else out.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from teiten_collector.door.refusals import Refusal, RefusalCode
from teiten_protocol import MAX_COMPRESSED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

BODY_SECONDS = 120.0
"""How long the largest body may take: at 5 Mbit/s."""
LEAST_BODY_SECONDS = 15.0
"""How long the smallest may take; in between it is by length."""
SLOWEST_BYTES_A_SECOND = 4_096
"""What even a modem of the last century does."""
MOST_HELD_BYTES = MAX_COMPRESSED_BYTES
"""Bodies held at once: one of the largest, tens of thousands of usual ones."""
SHORT_BYTES = 256 << 10
"""A minute of some 4,000 rows; bodies up to here have `RESERVED_BYTES` more, for when long ones wait to be
looked at and can give way no more."""
RESERVED_BYTES = 8 << 20
BUSY_RETRY_SECONDS = 5


class Bodies:
    """All bodies on their way. Used by the event loop alone."""

    def __init__(self, most: int) -> None:
        """Hold at most so many bytes."""
        self._most = most
        self._held = 0
        self._on_their_way: set[Body] = set()

    def of(self, request: Request) -> Body:
        """The body of a request, of which nothing is read yet."""
        return Body(request, self)

    @contextmanager
    def on_its_way(self, body: Body) -> Iterator[None]:
        """Count a body's bytes as held, as they come, until the block ends."""
        self._on_their_way.add(body)
        try:
            yield
        finally:
            self._on_their_way.discard(body)
            self._held -= body.held

    def came(self, body: Body, size: int) -> None:
        """More of a body has come; while that is too much together, the longest still coming gives way.

        Raises:
            Refusal: BUSY: it is the longest itself, or had to give way before.
        """
        if body.gives_way:
            raise _busy()
        body.held += size
        self._held += size
        reserved = RESERVED_BYTES if body.held <= SHORT_BYTES else 0
        while self._held > self._most + reserved:
            longest = max((one for one in self._on_their_way if not one.is_read), key=lambda one: one.held)
            if longest is body:
                raise _busy()
            self._held -= longest.held
            longest.held = 0
            longest.give_way()
            self._on_their_way.discard(longest)


class Body:
    """The body of a request, read at most once, within a length and a time.

    Attributes:
        is_read: Whether it was read to its end.
        gives_way: Whether its reading ends, because others need the room.
        was_slow: Whether that took more than a second.
        held: Bytes of it that are in memory, as `Bodies` counts them.
    """

    def __init__(self, request: Request, bodies: Bodies) -> None:
        """Take a request; `Bodies.of` is the way to one."""
        self._request = request
        self._bodies = bodies
        # Without a length and without chunks there is none (RFC 9112 section 6.3).
        headers = request.headers
        self.is_read = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        self.was_slow = False
        self.held = 0
        self._patience: asyncio.Timeout | None = None
        self.gives_way = False

    async def read(self, length: int) -> bytes:
        """Read it, and never hold more of it than was announced.

        Raises:
            Refusal: SLOW, TOO_LARGE or BUSY.
            ClientDisconnect: The sender has gone.
        """
        seconds = min(BODY_SECONDS, LEAST_BODY_SECONDS + length / SLOWEST_BYTES_A_SECOND)
        began = time.monotonic()
        content = bytearray()
        try:
            async with asyncio.timeout(seconds) as self._patience:
                async for chunk in self._request.stream():
                    content += chunk
                    if len(content) > length:
                        raise Refusal(RefusalCode.TOO_LARGE, f"more than the {length} bytes announced")
                    self._bodies.came(self, len(chunk))
        except TimeoutError:
            if self.gives_way:
                raise _busy() from None
            raise Refusal(
                RefusalCode.SLOW,
                f"the body took more than {seconds:.0f} seconds",
                retry_after=BUSY_RETRY_SECONDS,
            ) from None
        finally:
            self._patience = None
        self.is_read = True
        self.was_slow = time.monotonic() - began > 1.0
        return bytes(content)

    def give_way(self) -> None:
        """End the reading."""
        self.gives_way = True
        if self._patience is not None:
            self._patience.reschedule(0.0)


def _busy() -> Refusal:
    return Refusal(
        RefusalCode.BUSY, "too many bodies are on their way at once", retry_after=BUSY_RETRY_SECONDS
    )
