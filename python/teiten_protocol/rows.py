"""Rows to columns and back, for those who do not hold columns already: tests, tools, small programs.

Not for the way of a packet: the core writes columns, and the collector reads them as columns.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from teiten_protocol.columns import DetectionColumns, TupleColumns
from teiten_protocol.errors import BatchError
from teiten_protocol.keys import Class, Family, Form, Tool

IpAddress = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class TupleRow:
    """One tuple; the fields of `TupleColumns` as values."""

    minute: int
    source: IpAddress
    address: IpAddress
    form: Form
    value: int
    source_port: int
    flags: int
    class_: Class
    tool: Tool
    packets: int
    bytes_: int


@dataclass(frozen=True, slots=True)
class DetectionRow:
    """One detection; the fields of `DetectionColumns` as values."""

    minute: int
    signature: int
    source: IpAddress
    address: IpAddress
    count: int


def tuple_columns(family: Family, rows: Iterable[TupleRow]) -> TupleColumns:
    """Pack rows of one family into columns, in their order.

    Raises:
        BatchError: A value does not fit its column, or an address is of the other family.
    """
    listed = list(rows)
    kinds = ("I", None, None, "B", "H", "H", "B", "B", "B", "Q", "Q")
    columns = list(zip(*(_values(row) for row in listed), strict=True)) or [()] * len(kinds)
    packed = [
        _addresses(f"ipv{family}.{place}", family, column)
        if kind is None
        else _numbers(f"ipv{family}.{place}", kind, column)
        for place, kind, column in zip(TupleColumns.NAMES, kinds, columns, strict=True)
    ]
    return TupleColumns(family, len(listed), *packed)


def tuple_rows(columns: TupleColumns) -> Iterator[TupleRow]:
    """Yield the rows of columns, in their order."""
    width = columns.family.address_bytes
    for index in range(columns.rows):
        source, address = (
            ip_address(column[index * width : (index + 1) * width])
            for column in (columns.source, columns.address)
        )
        yield TupleRow(
            minute=_number("I", columns.minute, index),
            source=source,
            address=address,
            form=Form(columns.form[index]),
            value=_number("H", columns.value, index),
            source_port=_number("H", columns.source_port, index),
            flags=columns.flags[index],
            class_=Class(columns.class_[index]),
            tool=Tool(columns.tool[index]),
            packets=_number("Q", columns.packets, index),
            bytes_=_number("Q", columns.bytes_, index),
        )


def detection_columns(rows: Iterable[DetectionRow]) -> DetectionColumns:
    """Pack detections into columns, in their order.

    Raises:
        BatchError: A value does not fit its column, or source and address are of different families.
    """
    listed = list(rows)
    for index, row in enumerate(listed):
        if row.source.version != row.address.version:
            raise BatchError("detections.address", f"row {index} is of another family than its source")
    return DetectionColumns(
        len(listed),
        _numbers("detections.minute", "I", [row.minute for row in listed]),
        _numbers("detections.signature", "I", [row.signature for row in listed]),
        bytes(row.source.version for row in listed),
        b"".join(row.source.packed.rjust(16, b"\0") for row in listed),
        b"".join(row.address.packed.rjust(16, b"\0") for row in listed),
        _numbers("detections.count", "Q", [row.count for row in listed]),
    )


def detection_rows(columns: DetectionColumns) -> Iterator[DetectionRow]:
    """Yield the rows of columns, in their order."""
    for index in range(columns.rows):
        skipped = 16 - Family(columns.family[index]).address_bytes
        source, address = (
            ip_address(column[index * 16 + skipped : (index + 1) * 16])
            for column in (columns.source, columns.address)
        )
        yield DetectionRow(
            minute=_number("I", columns.minute, index),
            signature=_number("I", columns.signature, index),
            source=source,
            address=address,
            count=_number("Q", columns.count, index),
        )


def _values(row: TupleRow) -> tuple[object, ...]:
    return astuple(row)


def _number(kind: str, column: bytes, index: int) -> int:
    value: int = struct.unpack_from(f"<{kind}", column, index * struct.calcsize(f"<{kind}"))[0]
    return value


def _numbers(place: str, kind: str, values: Iterable[object]) -> bytes:
    try:
        listed = list(values)
        return struct.pack(f"<{len(listed)}{kind}", *listed)
    except struct.error as error:
        raise BatchError(place, str(error)) from None


def _addresses(place: str, family: Family, values: Iterable[object]) -> bytes:
    packed = []
    for index, value in enumerate(values):
        if not isinstance(value, IPv4Address | IPv6Address) or value.version != family:
            raise BatchError(place, f"row {index} is no IPv{int(family)} address")
        packed.append(value.packed)
    return b"".join(packed)
