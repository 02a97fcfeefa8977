"""The rows that every form is made of, a UTC day at a time.

Columns are those of CAIDA's FlowTuple as far as tuples have them (the schema in CAIDA/corsaro3,
`libcorsaro/libcorsaro_flowtuple.h`): `time`, `src_ip`, `dst_ip`, `src_port`, `dst_port`, `protocol`,
`tcp_flags`, `packet_cnt`, `is_masscan` and `prefix2asn`; ICMP has its type in `src_port` and its code in
`dst_port`, as there. Beside them stand `byte_cnt`, `country`, `class`, `tool` and the key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from teiten_collector.analysis.scope import Scope
from teiten_collector.analysis.statements import EXPORTED
from teiten_collector.analysis.tallies import code_key
from teiten_collector.export.addresses import plain_texts
from teiten_protocol import Class, Family, Form, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_collector.analysis.periods import Period
    from teiten_collector.export.addresses import Addresses
    from teiten_collector.store import Engine, Sensor

_PROTOCOLS: Final = {Form.TCP: 6, Form.UDP: 17, Form.ICMP: 1, Form.ICMPV6: 58}
_FIELDS: list[pa.Field[Any]] = [
    pa.field("time", pa.timestamp("s", "UTC")),
    pa.field("src_ip", pa.string()),
    pa.field("dst_ip", pa.string()),
    pa.field("src_port", pa.int32()),
    pa.field("dst_port", pa.int32()),
    pa.field("protocol", pa.int16()),
    pa.field("tcp_flags", pa.int16()),
    pa.field("packet_cnt", pa.int64()),
    pa.field("byte_cnt", pa.int64()),
    pa.field("is_masscan", pa.bool_()),
    pa.field("country", pa.string()),
    pa.field("prefix2asn", pa.int64()),
    pa.field("class", pa.string()),
    pa.field("tool", pa.string()),
    pa.field("key", pa.string()),
]
SCHEMA: Final = pa.schema(_FIELDS)


@dataclass(frozen=True, slots=True)
class Ports:
    """What stands in the columns of ports and of the protocol."""

    source: pa.Array[Any]
    destination: pa.Array[Any]
    protocol: pa.Array[Any]


def rows(
    engine: Engine, sensors: tuple[Sensor, ...], period: Period, addresses: Addresses
) -> Iterator[pa.Table]:
    """The tuples of a period, day after day and family after family, in the order of their minutes."""
    for number in range(period.days):
        day = period.first + timedelta(days=number)
        for family in Family:
            scope = Scope(sensors, family, replace(period, first=day, last=day))
            if not sensors:
                continue
            found = engine.query(EXPORTED, scope.parameters).combine_chunks()
            if found.num_rows:
                yield _table(found, family, addresses)


def _table(found: pa.Table, family: Family, addresses: Addresses) -> pa.Table:
    def column(name: str) -> pa.Array[Any]:
        array: pa.Array[Any] = found[name].combine_chunks()
        return array

    ports = _ports(column("form"), column("value"), column("source_port"))
    tool = column("tool")
    columns: dict[str, pa.Array[Any]] = {
        "time": pc.multiply(column("minute").cast(pa.int64()), pa.scalar(60)).cast(pa.timestamp("s", "UTC")),
        "src_ip": plain_texts(family, column("source_high"), column("source_low")),
        "dst_ip": addresses.texts(family, column("address_high"), column("address_low")),
        "src_port": ports.source,
        "dst_port": ports.destination,
        "protocol": ports.protocol,
        "tcp_flags": column("flags").cast(pa.int16()),
        # A hostile row can take a sum beyond 64 bits; what is beyond is no packet that ever came.
        "packet_cnt": _bounded(column("packets")),
        "byte_cnt": _bounded(column("bytes")),
        "is_masscan": pc.equal(tool, pa.scalar(int(Tool.MASSCAN), tool.type)),
        "country": column("country"),
        "prefix2asn": column("asn"),
        "class": _named(column("class"), {int(one): one.text for one in Class}),
        "tool": _named(tool, {int(one): one.text for one in Tool}),
        "key": _keys(column("form"), column("value")),
    }
    return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _ports(form: pa.Array[Any], value: pa.Array[Any], source_port: pa.Array[Any]) -> Ports:
    """FlowTuple's columns; of other protocols, the number is the key's value and there are no ports."""
    listed: Iterator[tuple[Any, Any, Any]] = zip(
        form.to_pylist(), value.to_pylist(), source_port.to_pylist(), strict=True
    )
    source, destination, protocol = [], [], []
    for one, number, port in listed:
        known = _PROTOCOLS.get(Form(one))
        if known is None:
            source.append(0)
            destination.append(0)
            protocol.append(number)
        else:
            icmp = known in {1, 58}
            source.append(number if icmp else port)
            destination.append(port if icmp else number)
            protocol.append(known)
    return Ports(
        pa.array(source, pa.int32()), pa.array(destination, pa.int32()), pa.array(protocol, pa.int16())
    )


def _keys(form: pa.Array[Any], value: pa.Array[Any]) -> pa.Array[Any]:
    codes = pc.add(pc.multiply(form.cast(pa.int32()), pa.scalar(65_536, pa.int32())), value.cast(pa.int32()))
    encoded = codes.dictionary_encode()
    texts = pa.array([code_key(code) for code in encoded.dictionary.to_pylist()], pa.string())
    return pc.take(texts, encoded.indices)


def _named(column: pa.Array[Any], names: dict[int, str]) -> pa.Array[Any]:
    encoded = column.dictionary_encode()
    distinct: list[Any] = encoded.dictionary.to_pylist()
    texts = pa.array([names[number] for number in distinct], pa.string())
    return pc.take(texts, encoded.indices)


def _bounded(column: pa.Array[Any]) -> pa.Array[Any]:
    highest = pa.scalar(2**63 - 1, column.type)
    bounded: pa.Array[Any] = pc.min_element_wise(column, highest)
    return bounded.cast(pa.int64())
