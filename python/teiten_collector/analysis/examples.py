"""Example payloads of detections, for whoever has to say what a signature saw."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from teiten_protocol import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Engine, Sensor

_HALF = (1 << 64) - 1
_NEWEST = """
    FROM examples SELECT max_by(minute, minute) AS minute, sensor, signature, family, source_high, source_low,
        max_by(payload, minute) AS payload
    WHERE minute >= $first AND minute < $behind AND list_contains($sensors, sensor)
        AND ($signature IS NULL OR signature = $signature)
    GROUP BY ALL ORDER BY minute DESC, signature, sensor, source_high, source_low LIMIT $most
"""


@dataclass(frozen=True, slots=True)
class Example:
    """The first bytes, at most 64, of one packet that a signature detected.

    Attributes:
        minute: When, in minutes since the Unix epoch.
        sensor: Which sensor saw it.
        signature: Number of the signature.
        source: Where it came from.
        payload: The bytes.
    """

    minute: int
    sensor: str
    signature: int
    source: IPv4Address | IPv6Address
    payload: bytes

    @property
    def text(self) -> str:
        """The bytes as text, a dot for each that is no printable ASCII character."""
        return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in self.payload)  # noqa: PLR2004


def examples(
    engine: Engine, period: Period, sensors: Sequence[Sensor], signature: int | None, most: int
) -> list[Example]:
    """The newest example of each sensor, signature and source in a period, newest first; at most so many."""
    found = engine.query(
        _NEWEST,
        {
            "first": period.start_minute,
            "behind": period.end_minute,
            "sensors": [sensor.id for sensor in sensors],
            "signature": signature,
            "most": most,
        },
    )
    return [
        Example(
            minute=row["minute"],
            sensor=row["sensor"],
            signature=row["signature"],
            source=_address(row["family"], row["source_high"], row["source_low"]),
            payload=row["payload"],
        )
        for row in found.to_pylist()
    ]


def _address(family: int, high: int, low: int) -> IPv4Address | IPv6Address:
    if family == Family.IPV4:
        return IPv4Address(low)
    return IPv6Address((high & _HALF) << 64 | low & _HALF)
