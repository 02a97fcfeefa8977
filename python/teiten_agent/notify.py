"""Telling systemd how the service stands, as sd_notify(3) says: a datagram to the socket it names, if any."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class ServiceManager:
    """The service manager that started this process; silent where there is none."""

    def __init__(self) -> None:
        """Read the address from the environment, and take it out, so that no child speaks for the service."""
        address = os.environ.pop("NOTIFY_SOCKET", "")
        # An address in the abstract namespace is written with @ for its leading NUL.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """The service captures."""
        self._tell("READY=1")

    def alive(self) -> None:
        """The service made progress; without this for its `WatchdogSec`, it is started anew."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The service drains."""
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(state.encode(), self._address)


class Pulse:
    """Whether everything that has to move does: the only thing that feeds the watchdog."""

    def __init__(
        self,
        parts: Iterable[tuple[Callable[[], int], float]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Name the parts.

        Args:
            parts: What tells a number that rises with progress, and for how many seconds it may rest.
            clock: A clock that nobody sets, in seconds.
        """
        self._clock = clock
        now = clock()
        self._parts = [(progress, patience, progress(), now) for progress, patience in parts]

    def beats(self) -> bool:
        """Whether every part has moved within its patience."""
        now = self._clock()
        looked = []
        for progress, patience, before, moved_at in self._parts:
            value = progress()
            looked.append((progress, patience, value, moved_at if value == before else now))
        self._parts = looked
        return all(now - moved_at <= patience for _, patience, _, moved_at in looked)
