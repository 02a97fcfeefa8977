"""Reads the counts that another program made of a capture (`NAME.oracle.tsv` beside it)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAMED = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}


@dataclass(frozen=True, slots=True)
class Oracle:
    """What the other program counted: packets by key, and the frames it put in no row."""

    keys: dict[str, int]
    frames: int
    nonip_frames: int
    ip_header_unreadable: int


def read_oracle(path: Path) -> Oracle:
    """Read one file; the rows' meaning is stated in the README of the captures."""
    keys: dict[str, int] = {}
    totals: dict[str, int] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if line.startswith("#"):
            if len(fields) > 1 and fields[1].isdigit():
                totals[fields[0][1:]] = int(fields[1])
            continue
        protocol, key, count = int(fields[1]), fields[2], int(fields[3])
        name = key_text(protocol, key)
        keys[name] = keys.get(name, 0) + count
    return Oracle(keys, totals["frames"], totals["nonip_frames"], totals["ip_header_unreadable"])


def key_text(protocol: int, key: str) -> str:
    """The design's name of one of the oracle's rows."""
    name = NAMED.get(protocol)
    if key.startswith("type"):
        return f"{key[4:]}/{name or 'IP'}"
    if name is None or key == "-":
        return f"{protocol}/IP"
    return f"{key}/{name}"
