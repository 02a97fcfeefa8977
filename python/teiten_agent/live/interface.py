"""What a source of live packets promises, and which one the configuration asks for."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Protocol

from teiten_agent.errors import ConfigurationError, MissingCapabilityError
from teiten_agent.live.devices import check_interface

if TYPE_CHECKING:
    from teiten_agent import _core
    from teiten_agent.config import Capture


class LostError(Exception):
    """The interface went down or away; it may come back."""


class Source(Protocol):
    """An open interface. One thread uses it; every wait releases the interpreter."""

    def wait(self) -> bool:
        """Wait until packets are there to be observed, a tenth of a second at most; whether they are.

        Raises:
            LostError: The interface went down or away.
        """
        ...

    def advance(self, observer: _core.Observer, limit: int, now_ns: int) -> _core.Interval | None:
        """Observe at most `limit` packets; return the interval that closes, if one does."""
        ...

    def seal(self) -> None:
        """Let no more packets in, where that can be; those inside come until `wait` says three times no."""
        ...

    def counters(self) -> dict[str, int]:
        """What kernel and source counted since the last call, by the counters' names in a batch."""
        ...

    def unread(self) -> int:
        """Packets that the kernel says to have given and that were never read, as far as can be told."""
        ...

    def close(self) -> None:
        """Give the interface up."""
        ...


def open_source(capture: Capture) -> Source:
    """Open the interface and begin to capture.

    One of several (`capture.threads`) takes all packets of its share of the sources. Those of one process
    share.

    Raises:
        ConfigurationError: There is no such interface, it cannot be captured from, or the filter is wrong.
        MissingCapabilityError: The system does not let this process capture.
    """
    check_interface(capture.interface)
    try:
        if capture.source == "pcapy":
            if capture.threads > 1:
                raise ConfigurationError(
                    f"capture.threads: is {capture.threads}, which libpcap cannot share packets among",
                    'set it to 1, or capture.source to "ring"',
                )
            from teiten_agent.live.libpcap import LibpcapSource  # noqa: PLC0415  # implements what is promised here

            return LibpcapSource(capture)
        if sys.platform != "linux":
            raise ConfigurationError('capture.source: "ring" needs Linux', 'set it to "pcapy"')
        from teiten_agent.live.ring import RingSource  # noqa: PLC0415  # implements what is promised here

        return RingSource(capture, _group() if capture.threads > 1 else None)
    except PermissionError as error:
        raise MissingCapabilityError(
            f"capture.interface: {capture.interface}: {error.strerror or error}",
            "start the agent by its systemd unit (AmbientCapabilities=CAP_NET_RAW) or as root, or give the"
            f" capability to an interpreter of its own: setcap cap_net_raw+ep {sys.executable}",
        ) from error
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, OSError) and error.errno == errno.ENODEV:
            check_interface(capture.interface)
        raise ConfigurationError(
            f"capture.interface: {capture.interface}: {said}",
            "is it up, and of a kind that carries IP? A smaller capture.ring_megabytes, or"
            ' capture.source = "pcapy", may help',
        ) from error


def _group() -> int:
    """The fanout group of this process: 16 bits, which no other program on the interface should use."""
    return os.getpid() & 0xFFFF
