"""The log format of DShield (SANS Internet Storm Center, https://isc.sans.edu/specs/).

A line has nine fields, parted by tabs, in the order in which mrash/psad sends them: date, time and zone; the
sender's number; how many packets the line stands for; source address and port; target address and port;
protocol; TCP flags. ICMP has its type and code in the place of the ports. A target that is left out is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_FLAGS: Final = ((2, "S"), (1, "F"), (16, "A"), (8, "P"), (4, "R"), (32, "U"), (64, "E"), (128, "C"))
"""Bits of RFC 9293 section 3.1 and their letters."""
_TCP: Final = 6


def lines(table: pa.Table, user: int) -> Iterator[bytes]:
    """The lines of a table of `teiten_collector.export.rows`."""
    names = ("time", "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "tcp_flags", "packet_cnt")
    columns = [table[name].to_pylist() for name in names]
    for moment, source, source_port, target, target_port, protocol, flags, packets in zip(
        *columns, strict=True
    ):
        fields = (
            f"{moment:%Y-%m-%d %H:%M:%S} +00:00",
            user,
            packets,
            source or "",
            source_port,
            target or "",
            target_port,
            protocol,
            flag_letters(flags) if protocol == _TCP else "",
        )
        yield ("\t".join(map(str, fields)) + "\n").encode()


def flag_letters(flags: int) -> str:
    """A byte of TCP flags as letters."""
    return "".join(letter for bit, letter in _FLAGS if flags & bit)
