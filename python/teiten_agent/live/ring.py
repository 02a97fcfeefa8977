"""The ring: packets are read where the kernel wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_agent import _core
from teiten_agent.errors import ConfigurationError
from teiten_agent.live.devices import linktype
from teiten_agent.live.filters import compile_filter
from teiten_agent.live.interface import LostError

if TYPE_CHECKING:
    from teiten_agent.config import Capture

WAIT_MILLISECONDS = 100

_NAMES = {
    "received": "kernel_received",
    "dropped": "kernel_dropped",
    "freezes": "kernel_freezes",
    "outgoing": "outgoing",
    "unreadable": "unreadable",
    "tagged": "vlan_tagged",
}


class RingSource:
    """See `Source`."""

    def __init__(self, capture: Capture, group: int | None) -> None:
        """Open the interface, for its share of the packets where a group is named.

        Raises:
            ConfigurationError: The filter is wrong, or there is no memory to share.
            OSError: The system refuses.
            ValueError: The interface is of another kind than can be read.
        """
        program = compile_filter(capture, linktype(capture.interface))
        if capture.ring_megabytes < capture.threads:
            raise ConfigurationError(
                f"capture.ring_megabytes: is {capture.ring_megabytes} for {capture.threads} threads",
                "give each at least one, better eight",
            )
        self._ring: _core.Ring | None = _core.Ring(
            capture.interface,
            ring_megabytes=capture.ring_megabytes // capture.threads,
            promiscuous=capture.promiscuous,
            program=program,
            fanout_group=group,
        )
        self._counted = dict.fromkeys((*_NAMES, "read"), 0)
        self._unread = 0

    def wait(self) -> bool:
        """See `Source`."""
        try:
            return self._opened().wait(WAIT_MILLISECONDS)
        except OSError as error:
            raise LostError(error.strerror or str(error)) from error

    def advance(self, observer: _core.Observer, limit: int, now_ns: int) -> _core.Interval | None:
        """See `Source`."""
        return observer.advance(self._opened(), limit, now_ns=now_ns)

    def seal(self) -> None:
        """See `Source`."""
        self._opened().seal()

    def counters(self) -> dict[str, int]:
        """See `Source`."""
        self._look()
        counted = {name: self._counted[own] for own, name in _NAMES.items()}
        self._counted = dict.fromkeys(self._counted, 0)
        return counted

    def unread(self) -> int:
        """See `Source`."""
        self._look()
        return self._unread

    def close(self) -> None:
        """See `Source`."""
        self._ring = None

    def _look(self) -> None:
        new = self._opened().counters()
        self._unread += new["received"] - new["dropped"] - new["read"] - new["outgoing"] - new["unreadable"]
        for name, count in new.items():
            self._counted[name] += count

    def _opened(self) -> _core.Ring:
        if self._ring is None:
            raise LostError("is closed")
        return self._ring
