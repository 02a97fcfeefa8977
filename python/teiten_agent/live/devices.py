"""The interfaces of this machine, as libpcap lists them."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.errors import ConfigurationError
from teiten_agent.live.library import pcapy_ng

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIOCGIFHWADDR = 0x8927
"""Asks for an interface's hardware type and address (linux/sockios.h)."""

_SIOCGIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8913, 1, 0x40
"""Asks for an interface's flags: whether it is up, and whether it hears the other end (linux/if.h)."""

DLT_EN10MB, DLT_RAW = 1, 12
"""Link types as libpcap numbers them on Linux (pcap/dlt.h)."""

_WITH_ETHERNET_HEADER = frozenset({1, 772})
"""`ARPHRD_ETHER` and `ARPHRD_LOOPBACK` of linux/if_arp.h."""


_NET_DEV = Path("/proc/thread-self/net/dev")
"""The interfaces of this thread's network namespace (proc_pid_net(5)): a name before each colon. The C
library would ask over a netlink socket, which the service may not open."""


def interfaces() -> list[str]:
    """Names of the network interfaces: what libpcap lists, less its devices that are no interface."""
    pcapy = pcapy_ng()
    known = set(_known())
    try:
        listed = known & set(pcapy.findalldevs())
    except pcapy.PcapError:
        listed = set()
    return sorted(listed or known)


def _known() -> Iterator[str]:
    try:
        lines = _NET_DEV.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # not Linux
        yield from (name for _, name in socket.if_nameindex())
    else:
        yield from (line.partition(":")[0].strip() for line in lines if ":" in line)


def linktype(name: str) -> int:
    """What a raw packet socket's packets of an interface begin with: Ethernet, or bare IP (Linux only).

    Raises:
        OSError: There is no such interface.
    """
    hardware = _ask(name, _SIOCGIFHWADDR)
    return DLT_EN10MB if hardware in _WITH_ETHERNET_HEADER else DLT_RAW


def has_carrier(name: str) -> bool:
    """Whether an interface that is up hears another end."""
    return sys.platform != "linux" or bool(_ask(name, _SIOCGIFFLAGS) & _IFF_RUNNING)


def _is_up(name: str) -> bool:
    return sys.platform != "linux" or bool(_ask(name, _SIOCGIFFLAGS) & _IFF_UP)


def _ask(name: str, request: int) -> int:
    """The number that the system keeps about an interface, the first of the union in `struct ifreq`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, request, struct.pack("16s24x", name.encode()))
    return int(struct.unpack_from("H", answer, 16)[0])


def check_interface(name: str) -> None:
    """Make sure that there is an interface of this name, and that it is up.

    Raises:
        ConfigurationError: There is none (the near name, or those that there are, are named), or it is down.
    """
    if name and name in _known():
        if not _is_up(name):
            raise ConfigurationError(f"capture.interface: {name} is down", f"ip link set {name} up")
        return
    import difflib  # noqa: PLC0415  # only who mistyped needs it

    known = interfaces()
    listed = ", ".join(known) or "none"
    if not name:
        raise ConfigurationError(
            "capture.interface: is empty",
            f"name the one that hears the monitored addresses; there are {listed}",
        )
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    raise ConfigurationError(
        f"capture.interface: there is no interface {name}",
        f"did you mean {near[0]}?" if near else f"there are {listed}",
    )
