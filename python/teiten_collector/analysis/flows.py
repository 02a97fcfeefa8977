"""What single sources sent: the rows behind the findings."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pyarrow as pa

from teiten_collector.analysis.statements import FLOWS, MINUTES, SOURCE_PORTS, for_family
from teiten_collector.analysis.tallies import code_key, key_code
from teiten_protocol import Class, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from teiten_collector.analysis.tallies import Source, Tally
    from teiten_collector.store import Engine

_LOW = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Flow:
    """What one source sent with one key in one class on one day.

    Attributes:
        source: Who.
        key: With which key.
        country: Its country.
        class_: In which class.
        day: Index of the day in its tally's calendar.
        packets: How many.
        port_packets: How many of them from `source_port`.
        source_port: The source port (ICMP: the code) of most of them.
        syn_ack: How many were SYN and ACK.
        rst: How many had RST.
        first_minute: The first minute, since the Unix epoch.
        last_minute: The last.
    """

    source: Source
    key: str
    country: str
    class_: Class
    day: int
    packets: int
    port_packets: int
    source_port: int
    syn_ack: int
    rst: int
    first_minute: int
    last_minute: int


@dataclass(frozen=True, slots=True)
class PortUse:
    """The source port that most probes of a key came from.

    Attributes:
        source_port: Which.
        packets: How many probes came from it.
        sources: How many sources used it.
        total: How many probes the key had.
    """

    source_port: int
    packets: int
    sources: int
    total: int


def source_text(source: Source, family: Family) -> str:
    """A source's address as people write it."""
    high, low = source
    if family is Family.IPV4:
        return str(IPv4Address(low))
    return str(IPv6Address((high & _LOW) << 64 | low & _LOW))


def flows(engine: Engine, tally: Tally, sources: Iterable[Source]) -> tuple[Flow, ...]:
    """What the named sources sent in a tally's scope."""
    listed = sorted(set(sources))
    if not listed or not tally.scope.sensors:
        return ()
    heavy = pa.table(
        {
            "source_high": pa.array([high for high, _ in listed], pa.int64()),
            "source_low": pa.array([low for _, low in listed], pa.int64()),
        }
    )
    rows = engine.rollup(
        for_family(FLOWS, tally.scope.family),
        [tally.calendar.slot_minutes, *tally.scope.parameters],
        tally.scope.days,
        tables={"heavy": heavy, "calendar": tally.calendar.table},
    ).to_pylist()
    return tuple(
        Flow(
            (row["source_high"], row["source_low"]),
            code_key(row["code"]),
            row["country"],
            Class(row["class"]),
            row["local_day"],
            int(row["packets"]),
            int(row["port_packets"]),
            row["source_port"],
            int(row["syn_ack"]),
            int(row["rst"]),
            row["first_minute"],
            row["last_minute"],
        )
        for row in rows
    )


def active_minutes(
    engine: Engine, tally: Tally, wanted: Sequence[tuple[Source, str]]
) -> dict[tuple[Source, str], list[int]]:
    """The minutes in which named sources sent to named keys, in order."""
    if not wanted or not tally.scope.sensors:
        return {}
    heavy = pa.table(
        {
            "high": pa.array([source[0] for source, _ in wanted], pa.int64()),
            "low": pa.array([source[1] for source, _ in wanted], pa.int64()),
            "code": pa.array([key_code(key) for _, key in wanted], pa.int32()),
        }
    )
    rows = engine.rollup(
        for_family(MINUTES, tally.scope.family),
        tally.scope.parameters,
        tally.scope.days,
        tables={"heavy": heavy},
    ).to_pylist()
    found: dict[tuple[Source, str], list[int]] = {}
    for row in rows:
        subject = ((row["source_high"], row["source_low"]), code_key(row["code"]))
        found.setdefault(subject, []).append(row["minute"])
    return found


def source_ports(engine: Engine, tally: Tally, keys: Sequence[str]) -> dict[str, PortUse]:
    """The most used source port of the probes of each of the named keys that had any."""
    if not keys or not tally.scope.sensors:
        return {}
    wanted = pa.table({"code": pa.array([key_code(key) for key in keys], pa.int32())})
    rows = engine.rollup(
        for_family(SOURCE_PORTS, tally.scope.family),
        tally.scope.parameters,
        tally.scope.days,
        tables={"wanted": wanted},
    ).to_pylist()
    return {
        code_key(row["code"]): PortUse(
            row["source_port"], int(row["port_packets"]), row["sources"], int(row["packets"])
        )
        for row in rows
    }
