"""libpcap by pcapy-ng: the portable way, with two copies and stamps in microseconds."""

from __future__ import annotations

import errno
import select
from typing import TYPE_CHECKING, Any

from teiten_agent import _core
from teiten_agent.errors import ConfigurationError
from teiten_agent.live.filters import check_filter
from teiten_agent.live.interface import LostError
from teiten_agent.live.library import pcapy_ng

if TYPE_CHECKING:
    from teiten_agent.config import Capture

pcapy = pcapy_ng()

WAIT_MILLISECONDS = 100

_BATCH_BYTES = 8 << 20
"""Most bytes that one batch may hold: libpcap's copy grows with it, and drops in silence if it cannot."""

_MOST_PACKETS, _FEWEST_PACKETS = 4_096, 32
_COUNTER_MASK = 0xFFFF_FFFF
"""libpcap's counters are 32 bits wide and wrap."""

_PERMISSION_DENIED = (-8, -11)
"""`PCAP_ERROR_PERM_DENIED` and `PCAP_ERROR_PROMISC_PERM_DENIED` of pcap/pcap.h."""

_SAID = {
    -5: "no such device",  # PCAP_ERROR_NO_SUCH_DEVICE
    -9: "is not up",  # PCAP_ERROR_IFACE_NOT_UP
}


class LibpcapSource:
    """See `Source`. Own traffic is left out by libpcap, which does not say how much that was."""

    def __init__(self, capture: Capture) -> None:
        """Open the interface.

        Raises:
            ConfigurationError: The filter is wrong, or the interface cannot be opened.
            PermissionError: The system does not let this process capture.
        """
        check_filter(capture)
        self._packets_at_once = max(_FEWEST_PACKETS, min(_MOST_PACKETS, _BATCH_BYTES // capture.snap_length))
        try:
            handle: Any = pcapy.create(capture.interface)
            handle.set_snaplen(capture.snap_length)
            handle.set_promisc(int(capture.promiscuous))
            handle.set_timeout(WAIT_MILLISECONDS)
            handle.set_buffer_size(capture.ring_megabytes << 20)
            status = handle.activate()
        except pcapy.PcapError as error:
            raise ConfigurationError(f"capture.interface: {capture.interface}: {error}") from error
        _judge(capture.interface, status)
        self._handle = handle
        self._linktype: int = handle.datalink()
        try:
            handle.setdirection(pcapy.PCAP_D_IN)
            if capture.filter:
                handle.setfilter(capture.filter)
            handle.setnonblock(1)
        except pcapy.PcapError as error:
            raise ConfigurationError(f"capture.filter: {capture.filter!r}: {error}") from error
        self._poll = select.poll()
        self._poll.register(handle.getfd(), select.POLLIN)
        self._buffer = _core.PacketBuffer(b"", b"", self._linktype)
        self._last = (0, 0)

    def wait(self) -> bool:
        """See `Source`."""
        if self._buffer.remaining:
            return True
        self._poll.poll(WAIT_MILLISECONDS)
        try:
            packets, records = self._handle.next_batch(self._packets_at_once)
        except pcapy.PcapError as error:
            raise LostError(str(error)) from error
        self._buffer = _core.PacketBuffer(packets, records, self._linktype)
        return self._buffer.remaining > 0

    def advance(self, observer: _core.Observer, limit: int, now_ns: int) -> _core.Interval | None:
        """See `Source`."""
        return observer.advance(self._buffer, limit, now_ns=now_ns)

    def seal(self) -> None:
        """See `Source`: libpcap cannot; packets go on coming, and whoever drains must know when to stop."""

    def counters(self) -> dict[str, int]:
        """See `Source`."""
        received, dropped, _ = self._handle.stats()
        new = {
            "kernel_received": (received - self._last[0]) & _COUNTER_MASK,
            "kernel_dropped": (dropped - self._last[1]) & _COUNTER_MASK,
        }
        self._last = (received, dropped)
        return new

    def unread(self) -> int:
        """See `Source`: libpcap does not tell."""
        return 0

    def close(self) -> None:
        """See `Source`."""
        self._handle.close()


def _judge(interface: str, status: int) -> None:
    """Turn what `pcap_activate` answers into an error; warnings (above 0) pass."""
    if status in _PERMISSION_DENIED:
        raise PermissionError(errno.EPERM, "libpcap may not open it, which needs CAP_NET_RAW")
    if status < 0:
        raise ConfigurationError(
            f"capture.interface: {interface}: {_SAID.get(status, f'error {status} of libpcap')}",
            "see to the interface (`ip link`)",
        )
