"""How much memory counting may take, by how much memory the board has.

All the rest is the same on every board: logs in memory (8 MB), `/run` (64 MB) and `/tmp` (32 MB) in memory,
no swap, no zram: nothing of the sensor grows beyond what is set here, so there is nothing to swap out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_TOTAL = re.compile(r"^MemTotal: +([0-9]+) kB$", re.MULTILINE)
_KIBIBYTES = 1_024


@dataclass(frozen=True, slots=True)
class Profile:
    """The agent's settings on boards of one size.

    Attributes:
        board_megabytes: The memory of such boards, as they are sold; it names the profile.
        least_megabytes: What the kernel has of it at least, in MiB: firmware and kernel take their part.
        table_megabytes: `limits.table_megabytes`.
        ring_megabytes: `capture.ring_megabytes`.
    """

    board_megabytes: int
    least_megabytes: int
    table_megabytes: int
    ring_megabytes: int


PROFILES = {
    one.board_megabytes: one
    for one in (
        Profile(512, least_megabytes=0, table_megabytes=16, ring_megabytes=8),
        Profile(1_024, least_megabytes=768, table_megabytes=48, ring_megabytes=32),
    )
}


def choose(asked: int | None, total_megabytes: int) -> Profile:
    """The profile that is asked for by its name; None asks for the largest that the board has memory for."""
    if asked is not None:
        return PROFILES[asked]
    return max(
        (one for one in PROFILES.values() if one.least_megabytes <= total_megabytes),
        key=lambda one: one.least_megabytes,
    )


def total_megabytes(source: Path = Path("/proc/meminfo")) -> int:
    """What the kernel has, in MiB; 0 where it does not say, so that the smallest profile holds."""
    found = _TOTAL.search(source.read_text(encoding="ascii", errors="replace"))
    return int(found[1]) // _KIBIBYTES if found else 0
