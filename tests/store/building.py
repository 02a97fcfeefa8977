"""Batches, databases and stores for the tests of the store."""

from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from teiten_collector.enrich import CountryDatabase
from teiten_protocol import (
    Batch,
    BatchKey,
    Class,
    DetectionRow,
    ExampleColumns,
    Family,
    Form,
    HeldStep,
    QuotedColumns,
    SketchColumns,
    Span,
    Step,
    Tool,
    TupleRow,
    compress,
    detection_columns,
    digest,
    encode,
    tuple_columns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from teiten_collector.store import Store, Verdict

MINUTE_NS = 60_000_000_000
AUGUST = 20_818_080
"""2009-08-01 00:00 UTC, in minutes since the Unix epoch."""
RECEIVED_NS = 1_800_000_000_000_000_000

IPV4 = IPv4Address("198.51.100.7")
IPV6 = IPv6Address("2001:db8::7")
SETTINGS = bytes(32)


def tuple4(minute: int, source: str | int, port: int = 445, packets: int = 1) -> TupleRow:
    """A probe of a TCP port from an IPv4 source."""
    return TupleRow(
        minute,
        IPv4Address(source),
        IPV4,
        Form.TCP,
        port,
        6000,
        2,
        Class.PROBE,
        Tool.ZMAP,
        packets,
        packets * 40,
    )


def tuple6(minute: int, source: str | int, packets: int = 1) -> TupleRow:
    """An echo request from an IPv6 source."""
    return TupleRow(
        minute,
        IPv6Address(source),
        IPV6,
        Form.ICMPV6,
        128,
        0,
        0,
        Class.PROBE,
        Tool.NONE,
        packets,
        packets * 60,
    )


def batch(  # noqa: PLR0913 - everything a batch has, by name
    sequence: int = 0,
    *,
    sensor: str = "tokyo-01",
    epoch: int = 1,
    settings: bytes = SETTINGS,
    ipv4: tuple[TupleRow, ...] = (),
    ipv6: tuple[TupleRow, ...] = (),
    detections: tuple[DetectionRow, ...] = (),
    spans: tuple[Span, ...] | None = None,
    counters: Mapping[str, int] | None = None,
    quoted: QuotedColumns | None = None,
    merged: tuple[TupleRow, ...] = (),
    sketches: SketchColumns | None = None,
    steps: tuple[HeldStep, ...] = (),
    examples: ExampleColumns | None = None,
) -> Batch:
    """A batch; without spans, of the minute that its sequence number says."""
    start = (AUGUST + sequence) * MINUTE_NS
    counted = sum(row.packets for row in (*ipv4, *ipv6, *merged))
    return Batch(
        BatchKey(sensor, epoch, sequence),
        settings,
        spans or (Span(start, start + MINUTE_NS),),
        {"packets": counted, "counted": counted} if counters is None else counters,
        tuple_columns(Family.IPV4, ipv4),
        tuple_columns(Family.IPV6, ipv6),
        detection_columns(detections),
        quoted=quoted or QuotedColumns.empty(),
        merged_ipv4=replace(tuple_columns(Family.IPV4, merged), merged=True),
        sketches=sketches or SketchColumns.empty(),
        steps=steps,
        examples=examples or ExampleColumns.empty(),
    )


def quotation(minute: int, victim: str, port: int = 80, packets: int = 1, *, kind: int = 3) -> QuotedColumns:
    """One row: 192.31.196.1 reports an error on a TCP packet to a victim."""
    return QuotedColumns(
        rows=1,
        minute=minute.to_bytes(4, "little"),
        family=b"\4",
        source=IPv4Address("192.31.196.1").packed.rjust(16, b"\0"),
        address=IPV4.packed.rjust(16, b"\0"),
        type_=bytes([kind]),
        code=b"\1",
        protocol=b"\6",
        victim=IPv4Address(victim).packed.rjust(16, b"\0"),
        victim_port=port.to_bytes(2, "little"),
        packets=packets.to_bytes(8, "little"),
    )


def sketch(minute: int, registers: bytes, port: int = 445) -> SketchColumns:
    """One sketch of a TCP port over IPv4."""
    return SketchColumns(
        rows=1,
        minute=minute.to_bytes(4, "little"),
        family=b"\4",
        form=bytes([Form.TCP]),
        value=port.to_bytes(2, "little"),
        registers=registers,
    )


def made_up(sequence: int, *, sensor: str = "tokyo-01", rows: int = 20) -> Batch:
    """A batch of every kind of row over two days, the same for the same numbers."""
    chance = random.Random(f"{sensor}/{sequence}/{rows}")
    minute = AUGUST + sequence

    def some(count: int, bits: int) -> list[tuple[int, int, int]]:
        return [
            (minute - 1440 * (index % 2), chance.getrandbits(bits), chance.randint(1, 9))
            for index in range(count)
        ]

    return batch(
        sequence,
        sensor=sensor,
        quoted=quotation(minute, "192.52.193.7"),
        sketches=sketch(minute, bytes([1]) * 1024),
        examples=example(minute, b"GET"),
        steps=(HeldStep(Step.WITHOUT_SOURCE, minute * MINUTE_NS, minute * MINUTE_NS + 1),),
        ipv4=tuple(
            tuple4(when, source, 445 + index, many)
            for index, (when, source, many) in enumerate(some(rows, 32))
        ),
        ipv6=tuple(tuple6(when, source, many) for when, source, many in some(rows // 4, 128)),
        detections=tuple(
            DetectionRow(when, 2_000_001, IPv4Address(source), IPV4, many)
            for when, source, many in some(3, 32)
        ),
    )


def example(minute: int, payload: bytes) -> ExampleColumns:
    """One example payload."""
    return ExampleColumns(
        rows=1,
        minute=minute.to_bytes(4, "little"),
        signature=(2_000_001).to_bytes(4, "little"),
        family=b"\x04",
        source=IPv4Address("192.52.193.7").packed.rjust(16, b"\0"),
        length=bytes([len(payload)]),
        payload=payload.ljust(64, b"\0"),
    )


def admit(store: Store, given: Batch, received_ns: int = RECEIVED_NS) -> Verdict:
    """Brings a batch to the store as the door does."""
    body = encode(given)
    return store.admit(given, compress(body), digest(body), received_ns)


def write_mmdb(
    path: Path, networks: Mapping[str, Mapping[str, object]], kind: str = "Test-Country", version: int = 6
) -> Path:
    """Writes a database of networks and their records."""
    writer = MMDBWriter(version, kind, languages=[], description="", ipv4_compatible=version == 6)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), dict(record))
    writer.to_db_file(str(path))
    return path


def countries(directory: Path) -> CountryDatabase:
    """A small database: half of IPv4 is Japan, a network is China's."""
    path = directory / "countries.mmdb"
    if not path.exists():
        write_mmdb(
            path,
            {
                "128.0.0.0/1": {"country_code": "JP"},
                "61.128.0.0/10": {"country": {"iso_code": "CN"}},
                "2001:db8::/32": {"country_code": "DE"},
            },
        )
    return CountryDatabase.open(path, directory)
