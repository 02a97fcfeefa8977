"""Telling systemd how the service stands (sd_notify(3)): one datagram to the socket it names, if any."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class ServiceManager:
    """The service manager that started this process; silent where there is none."""

    def __init__(self) -> None:
        """Read the address from the environment, and take it out, so that no child speaks for the service."""
        address = os.environ.pop("NOTIFY_SOCKET", "")
        # An address in the abstract namespace is written with @ for its leading NUL.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self, status: str) -> None:
        """Connections are taken; `status` is what `systemctl status` shows."""
        self._tell(f"READY=1\nSTATUS={status}")

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
