"""The filter: libpcap's language, compiled to classic BPF."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from teiten_agent.errors import ConfigurationError
from teiten_agent.live.devices import DLT_EN10MB
from teiten_agent.live.library import pcapy_ng

if TYPE_CHECKING:
    from teiten_agent.config import Capture

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand (`struct bpf_insn`)."""

_NETMASK_UNKNOWN = 0xFFFF_FFFF
"""`PCAP_NETMASK_UNKNOWN` of pcap/pcap.h: `ip broadcast` is refused rather than guessed."""

_RETURN = 0x06
"""`BPF_RET | BPF_K` of linux/bpf_common.h: take as many bytes as the operand says."""

_TAG_WORD = re.compile(r"\bvlan\b")


def check_filter(capture: Capture) -> str:
    """Compile the filter for whichever source is configured; return a word about it.

    Raises:
        ConfigurationError: It is wrong, or cannot be had from this source.
    """
    compiled = compile_filter(capture, DLT_EN10MB)
    return f"{len(compiled)} instructions" if capture.filter else "none: every packet is taken"


def compile_filter(capture: Capture, linktype: int) -> tuple[Instruction, ...]:
    """Compile the filter for frames of a link type; what it lets through is cut to the snap length.

    Raises:
        ConfigurationError: It is wrong, or asks a ring for what the kernel keeps beside the frame.
    """
    if not capture.filter:
        return ((_RETURN, 0, 0, capture.snap_length),)
    named = f"capture.filter: {capture.filter!r}"
    if capture.source == "ring" and _TAG_WORD.search(capture.filter):
        raise ConfigurationError(
            f"{named}: the kernel takes VLAN tags off before a ring's filter runs",
            "leave `vlan` out (tagged packets are counted under their inner key), or use"
            ' capture.source = "pcapy"',
        )
    pcapy = pcapy_ng()
    try:
        program = pcapy.compile(linktype, capture.snap_length, capture.filter, 1, _NETMASK_UNKNOWN)
    except pcapy.PcapError as error:
        raise ConfigurationError(f"{named}: {error}", "the language is that of pcap-filter(7)") from error
    return tuple(program.get_bpf())
