"""The plan of packets: what will be sent, one column a property, before any frame is built."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from teiten_protocol.keys import Class, Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

COUNTED = 0
"""Value of `reason` for a packet that is to be counted; `1 + position in Noise` for the others."""

TYPES: dict[str, type[np.generic]] = {
    "time_us": np.int64,
    "sensor": np.uint16,
    "family": np.uint8,
    "source_high": np.uint64,
    "source_low": np.uint64,
    "address_high": np.uint64,
    "address_low": np.uint64,
    "form": np.uint8,
    "value": np.uint16,
    "source_port": np.uint16,
    "flags": np.uint8,
    "class_": np.uint8,
    "tool": np.uint8,
    "country": np.int16,
    "ttl": np.uint8,
    "window": np.uint16,
    "identification": np.uint16,
    "sequence": np.uint32,
    "acknowledgement": np.uint32,
    "options": np.uint8,
    "payload": np.uint8,
    "reason": np.uint8,
    "ip_length": np.uint16,
}


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets, column by column, all columns of one length.

    Attributes:
        time_us: Microseconds of the Unix epoch.
        sensor: Position of the sensor in the description.
        family: 4 or 6.
        source_high: Upper half of an IPv6 source; 0 for IPv4.
        source_low: Lower half of an IPv6 source, or the IPv4 source.
        address_high: As `source_high`, of the destination.
        address_low: As `source_low`, of the destination.
        form: Form of the key.
        value: Value of the key.
        source_port: TCP or UDP source port; ICMP code.
        flags: TCP flags.
        class_: The class that must be found.
        tool: The tool that must be found.
        country: Position of the source's country in the description.
        ttl: Time to live as it arrives.
        window: TCP window.
        identification: IPv4 identification.
        sequence: TCP sequence number; identifier and number of an echo; otherwise what varies a payload.
        acknowledgement: TCP acknowledgement number; for ICMP errors the quoted port, in the lower half.
        options: Position of the TCP options in `frames.OPTIONS`.
        payload: Position of the payload in `PayloadKind`.
        reason: `COUNTED`, or why the record must not be counted.
        ip_length: Length that the IP header states, headers included.
    """

    time_us: npt.NDArray[np.int64]
    sensor: npt.NDArray[np.uint16]
    family: npt.NDArray[np.uint8]
    source_high: npt.NDArray[np.uint64]
    source_low: npt.NDArray[np.uint64]
    address_high: npt.NDArray[np.uint64]
    address_low: npt.NDArray[np.uint64]
    form: npt.NDArray[np.uint8]
    value: npt.NDArray[np.uint16]
    source_port: npt.NDArray[np.uint16]
    flags: npt.NDArray[np.uint8]
    class_: npt.NDArray[np.uint8]
    tool: npt.NDArray[np.uint8]
    country: npt.NDArray[np.int16]
    ttl: npt.NDArray[np.uint8]
    window: npt.NDArray[np.uint16]
    identification: npt.NDArray[np.uint16]
    sequence: npt.NDArray[np.uint32]
    acknowledgement: npt.NDArray[np.uint32]
    options: npt.NDArray[np.uint8]
    payload: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]
    ip_length: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        """Number of packets."""
        return len(self.time_us)

    @classmethod
    def blank(cls, count: int) -> Packets:
        """IPv4 probes of nothing from nowhere, for the caller to fill in."""
        columns = {name: np.zeros(count, kind) for name, kind in TYPES.items()}
        columns["family"][:] = 4
        columns["form"][:] = Form.TCP
        columns["class_"][:] = Class.PROBE
        columns["ttl"][:] = 64
        return cls(**columns)

    @classmethod
    def join(cls, parts: Sequence[Packets]) -> Packets:
        """All packets of the parts, in order."""
        if not parts:
            return cls.blank(0)
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def take(self, selection: npt.NDArray[Any]) -> Packets:
        """The packets that a mask or an array of positions selects."""
        return Packets(**{f.name: getattr(self, f.name)[selection] for f in fields(self)})

    def by_time(self) -> Packets:
        """The packets in order of time; those of one microsecond stay in their order."""
        return self.take(np.argsort(self.time_us, kind="stable"))
