"""A wire of one's own: a network namespace with two ends of a veth pair, and what is sent over it.

No packet leaves the namespace, and nothing of it remains when the test has ended.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

HEARD, SPOKEN = "heard", "spoken"
MTU = 65_521
"""As long as a frame may be."""

_CLONE_NEWNET = 0x4000_0000
_LIBC = ctypes.CDLL(None, use_errno=True)
_IP = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin") or "/sbin/ip"
_PACE = 500
"""Frames between two short pauses, so that a reader on the same core comes to its turn."""


class NoWireError(Exception):
    """This process may make no network namespace."""


class Wire:
    """Enter it to be in the namespace: sockets opened and programs started inside are, too."""

    def __enter__(self) -> Self:
        """Make namespace and veth pair.

        Raises:
            NoWireError: The system refuses.
        """
        self._outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if _LIBC.unshare(_CLONE_NEWNET) != 0:
            os.close(self._outside)
            raise NoWireError(os.strerror(ctypes.get_errno()))
        try:
            # Neighbours that introduce themselves over IPv6 would be packets nobody sent.
            for name in ("all", "default"):
                Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1", encoding="ascii")
            ip("link", "add", SPOKEN, "type", "veth", "peer", "name", HEARD)
            ip("link", "set", "lo", "up")
            for name in (SPOKEN, HEARD):
                ip("link", "set", name, "up", "mtu", MTU)
            self._sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self._sender.bind((SPOKEN, 0))
        except BaseException as error:
            self._leave()
            if isinstance(error, OSError | subprocess.CalledProcessError):
                raise NoWireError(str(error)) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the namespace, which ends with the last process in it."""
        self._sender.close()
        self._leave()

    def _leave(self) -> None:
        if _LIBC.setns(self._outside, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot return to the namespace outside")
        os.close(self._outside)

    def send(self, frames: Iterable[bytes]) -> int:
        """Send frames from the spoken end, and return how many there were."""
        sent = 0
        for frame in frames:
            self._sender.send(frame)
            sent += 1
            if sent % _PACE == 0:
                time.sleep(0.001)
        return sent

    def answer(self, frames: Iterable[bytes]) -> int:
        """Send frames from the heard end: own traffic of whoever listens there."""
        sent = 0
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((HEARD, 0))
            for frame in frames:
                sender.send(frame)
                sent += 1
        return sent


def ip(*words: object) -> str:
    """Set up interfaces, or ask for them."""
    return subprocess.run([_IP, *map(str, words)], check=True, capture_output=True, text=True).stdout
