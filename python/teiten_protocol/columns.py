"""The tables of a batch. Each checks itself when it is made: exact types, ranges, and lengths of columns.

Columns are `bytes`, one number after another without gaps, little-endian; addresses are in network order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from teiten_protocol import limits
from teiten_protocol.checks import (
    OCTET_VALUES,
    require_column,
    require_counts,
    require_integer,
    require_members,
    require_padded,
    require_zero_where,
    where,
)
from teiten_protocol.errors import BatchError
from teiten_protocol.keys import NAMED_PROTOCOLS, Class, Family, Form, Tool

_FORMS_OF_FAMILY: Final = {
    Family.IPV4: bytes(form for form in Form if form is not Form.ICMPV6),
    Family.IPV6: bytes(form for form in Form if form is not Form.ICMP),
}
_CLASSES: Final = bytes(Class)
_TOOLS: Final = bytes(Tool)
_FAMILIES: Final = bytes(Family)
_NOT_TCP: Final = where(*(form for form in Form if form is not Form.TCP))
_NOT_PORTS: Final = where(*(form for form in Form if form not in {Form.TCP, Form.UDP}))
_PORTS: Final = where(Form.TCP, Form.UDP)
_NO_CODE: Final = where(Form.IP, Form.FRAGMENT, Form.CUT)
_PARTS: Final = where(Form.FRAGMENT, Form.CUT)
_UNNAMED_PROTOCOL: Final = bytes(0 if octet in NAMED_PROTOCOLS else 0xFF for octet in OCTET_VALUES)
_SKETCH_FAMILIES: Final = bytes((0, *Family))
_SKETCH_FORMS: Final = bytes((0, *Form))
_IS_SHARED: Final = where(0)
_LENGTHS: Final = bytes(range(1, limits.EXAMPLE_BYTES + 1))
_ENDED: Final = tuple(where(*range(1, octet + 1)) for octet in range(limits.EXAMPLE_BYTES))
"""Of each octet of an example, which lengths end before it."""
_RANKS: Final = bytes(range(limits.MAX_RANK + 1))

TUPLE_WIDTHS: Final = {
    family: {
        "minute": 4,
        "source": family.address_bytes,
        "address": family.address_bytes,
        "form": 1,
        "value": 2,
        "source_port": 2,
        "flags": 1,
        "class": 1,
        "tool": 1,
        "packets": 8,
        "bytes": 8,
    }
    for family in Family
}
"""Bytes a row takes in each column of tuples, by family."""

DETECTION_WIDTHS: Final = {"minute": 4, "signature": 4, "family": 1, "source": 16, "address": 16, "count": 8}
"""Bytes a row takes in each column of detections."""

QUOTED_WIDTHS: Final = {
    "minute": 4,
    "family": 1,
    "source": 16,
    "address": 16,
    "type": 1,
    "code": 1,
    "protocol": 1,
    "victim": 16,
    "victim_port": 2,
    "packets": 8,
}
"""Bytes a row takes in each column of quotations."""

EXAMPLE_WIDTHS: Final = {
    "minute": 4,
    "signature": 4,
    "family": 1,
    "source": 16,
    "length": 1,
    "payload": limits.EXAMPLE_BYTES,
}
"""Bytes a row takes in each column of example payloads."""

SKETCH_WIDTHS: Final = {
    "minute": 4,
    "family": 1,
    "form": 1,
    "value": 2,
    "registers": limits.SKETCH_REGISTERS,
}
"""Bytes a row takes in each column of sketches."""

_ATTRIBUTES: Final = {"class": "class_", "bytes": "bytes_", "type": "type_"}
"""Attributes that are not named as their columns, whose names Python has taken."""


class Columns:
    """Rows, column by column: what the tables have in common."""

    __slots__ = ()

    rows: int

    NAMES: ClassVar[tuple[str, ...]]
    """The columns' names on the wire, in the order of the wire."""

    def columns(self) -> Iterator[tuple[str, bytes]]:
        """Yield each column with its name on the wire, in the order of the wire."""
        for name in self.NAMES:
            yield name, getattr(self, _ATTRIBUTES.get(name, name))

    def _require_shape(self, place: str, most: int, widths: Mapping[str, int]) -> None:
        require_integer(f"{place}.rows", self.rows, 0, most)
        for name, column in self.columns():
            require_column(f"{place}.{name}", column, self.rows, widths[name])


def _require_addresses(place: str, family: bytes, **addresses: bytes) -> None:
    """Refuse addresses in 16 bytes that are not of their row's family."""
    require_members(f"{place}.family", family, _FAMILIES, "no family (4 or 6)")
    for name, column in addresses.items():
        require_padded(f"{place}.{name}", column, family)


def _require_key(place: str, form: bytes, value: bytes) -> None:
    """Refuse the value of a key that its form does not have."""
    low, high = value[0::2], value[1::2]
    require_zero_where(f"{place}.value", high, form, _NOT_PORTS, "over 255 for a form without ports")
    unnamed = low.translate(_UNNAMED_PROTOCOL)
    require_zero_where(f"{place}.value", unnamed, form, _PARTS, "no protocol with fragment and cut keys")


@dataclass(frozen=True, slots=True)
class TupleColumns(Columns):
    """Rows of tuples of one family, column by column.

    Attributes:
        family: IP version of every address.
        rows: Number of rows.
        minute: u32, minutes since the Unix epoch.
        source: 4 or 16 bytes, network order.
        address: The monitored address, 4 or 16 bytes, network order.
        form: u8, a `Form`.
        value: u16, as the form says.
        source_port: u16, TCP or UDP source port, ICMP or ICMPv6 code, else 0.
        flags: u8, the TCP flag byte, 0 for other forms.
        class_: u8, a `Class`.
        tool: u8, a `Tool`.
        packets: u64, 1 to 2**63 - 1.
        bytes_: u64, 0 to 2**63 - 1, the sum of the lengths that the IP headers state.
        merged: Whether the sources of each row were merged: `source` and the ports in `source_port` are 0.
    """

    NAMES = tuple(TUPLE_WIDTHS[Family.IPV4])

    family: Family
    rows: int
    minute: bytes
    source: bytes
    address: bytes
    form: bytes
    value: bytes
    source_port: bytes
    flags: bytes
    class_: bytes
    tool: bytes
    packets: bytes
    bytes_: bytes
    merged: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        if type(self.family) is not Family:
            raise BatchError("family", "must be a Family")
        if type(self.merged) is not bool:
            raise BatchError("merged", "must be a bool")
        place = self.place
        self._require_shape(place, limits.MAX_ROWS, TUPLE_WIDTHS[self.family])
        require_members(
            f"{place}.form", self.form, _FORMS_OF_FAMILY[self.family], "no form of a key in this family"
        )
        require_members(f"{place}.class", self.class_, _CLASSES, "no class")
        require_members(f"{place}.tool", self.tool, _TOOLS, "no tool")
        _require_key(place, self.form, self.value)
        require_zero_where(
            f"{place}.flags", self.flags, self.form, _NOT_TCP, "not 0 where the form is not TCP"
        )
        port_high, port_low = self.source_port[1::2], self.source_port[0::2]
        require_zero_where(f"{place}.source_port", port_high, self.form, _NOT_PORTS, "over 255 without ports")
        require_zero_where(
            f"{place}.source_port", port_low, self.form, _NO_CODE, "not 0 without port or code"
        )
        require_counts(f"{place}.packets", self.packets, zero_allowed=False)
        require_counts(f"{place}.bytes", self.bytes_, zero_allowed=True)
        if self.merged:
            if any(self.source):
                raise BatchError(f"{place}.source", "must be 0: sources were merged")
            for octets in (port_high, port_low):
                require_zero_where(
                    f"{place}.source_port", octets, self.form, _PORTS, "not 0 where sources were merged"
                )

    @classmethod
    def empty(cls, family: Family, *, merged: bool = False) -> "TupleColumns":
        """Columns without rows."""
        return cls(family, 0, *(b"" for _ in cls.NAMES), merged=merged)

    @property
    def place(self) -> str:
        """Name of the field that holds these columns in a batch."""
        return f"{'merged_' if self.merged else ''}ipv{int(self.family)}"


@dataclass(frozen=True, slots=True)
class DetectionColumns(Columns):
    """Rows of detections of both families, column by column.

    Attributes:
        rows: Number of rows.
        minute: u32, minutes since the Unix epoch.
        signature: u32, the signature's id.
        family: u8, a `Family`.
        source: 16 bytes, network order; an IPv4 address follows 12 zero bytes.
        address: The monitored address, as `source`.
        count: u64, 1 to 2**63 - 1.
    """

    NAMES = tuple(DETECTION_WIDTHS)

    rows: int
    minute: bytes
    signature: bytes
    family: bytes
    source: bytes
    address: bytes
    count: bytes

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        self._require_shape("detections", limits.MAX_DETECTIONS, DETECTION_WIDTHS)
        _require_addresses("detections", self.family, source=self.source, address=self.address)
        require_counts("detections.count", self.count, zero_allowed=False)

    @classmethod
    def empty(cls) -> "DetectionColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in cls.NAMES))


@dataclass(frozen=True, slots=True)
class ExampleColumns(Columns):
    """Example payloads of detections, of both families, column by column.

    Attributes:
        rows: Number of rows.
        minute: u32, minutes since the Unix epoch.
        signature: u32, the signature's id.
        family: u8, a `Family`.
        source: 16 bytes, network order; an IPv4 address follows 12 zero bytes.
        length: u8, how many bytes of the payload are kept, 1 to `limits.EXAMPLE_BYTES`.
        payload: These bytes and zeros behind them, `limits.EXAMPLE_BYTES` together.
    """

    NAMES = tuple(EXAMPLE_WIDTHS)

    rows: int
    minute: bytes
    signature: bytes
    family: bytes
    source: bytes
    length: bytes
    payload: bytes

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        self._require_shape("examples", limits.MAX_EXAMPLES, EXAMPLE_WIDTHS)
        _require_addresses("examples", self.family, source=self.source)
        require_members("examples.length", self.length, _LENGTHS, f"not 1 to {limits.EXAMPLE_BYTES}")
        for octet, ended in enumerate(_ENDED):
            column = self.payload[octet :: limits.EXAMPLE_BYTES]
            require_zero_where("examples.payload", column, self.length, ended, "not 0 behind its length")

    @classmethod
    def empty(cls) -> "ExampleColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in cls.NAMES))


@dataclass(frozen=True, slots=True)
class QuotedColumns(Columns):
    """What ICMP errors quoted, of both families, column by column.

    Attributes:
        rows: Number of rows.
        minute: u32, minutes since the Unix epoch.
        family: u8, a `Family`.
        source: Who reports: 16 bytes, network order; an IPv4 address follows 12 zero bytes.
        address: The monitored address that the report came to, as `source`.
        type_: u8, type of the ICMP or ICMPv6 message.
        code: u8, its code.
        protocol: u8, protocol of the quoted packet.
        victim: Destination of the quoted packet, as `source`.
        victim_port: u16, its TCP or UDP port; 0 where it has none or it was cut off.
        packets: u64, 1 to 2**63 - 1.
    """

    NAMES = tuple(QUOTED_WIDTHS)

    rows: int
    minute: bytes
    family: bytes
    source: bytes
    address: bytes
    type_: bytes
    code: bytes
    protocol: bytes
    victim: bytes
    victim_port: bytes
    packets: bytes

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        self._require_shape("quoted", limits.MAX_QUOTED, QUOTED_WIDTHS)
        _require_addresses(
            "quoted", self.family, source=self.source, address=self.address, victim=self.victim
        )
        require_counts("quoted.packets", self.packets, zero_allowed=False)

    @classmethod
    def empty(cls) -> "QuotedColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in cls.NAMES))


@dataclass(frozen=True, slots=True)
class SketchColumns(Columns):
    """How many sources merged rows had: HyperLogLog sketches of both families, column by column.

    Attributes:
        rows: Number of sketches.
        minute: u32, minutes since the Unix epoch: that of the interval's start.
        family: u8, a `Family`; 0 for the sketch of all keys that have none of their own.
        form: u8, a `Form` of a key; 0 where `family` is.
        value: u16, as the form says; 0 where `family` is.
        registers: `limits.SKETCH_REGISTERS` bytes, each 0 to `limits.MAX_RANK`.
    """

    NAMES = tuple(SKETCH_WIDTHS)

    rows: int
    minute: bytes
    family: bytes
    form: bytes
    value: bytes
    registers: bytes

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        self._require_shape("sketches", limits.MAX_SKETCHES, SKETCH_WIDTHS)
        require_members("sketches.family", self.family, _SKETCH_FAMILIES, "no family (0, 4 or 6)")
        require_members("sketches.form", self.form, _SKETCH_FORMS, "no form of a key, nor 0")
        for name, octets in (
            ("form", self.form),
            ("value", self.value[0::2]),
            ("value", self.value[1::2]),
        ):
            require_zero_where(f"sketches.{name}", octets, self.family, _IS_SHARED, "not 0 without a family")
        require_zero_where(
            "sketches.form",
            self.family,
            self.form,
            _IS_SHARED,
            "0 where the family is not",
        )
        _require_key("sketches", self.form, self.value)
        require_members("sketches.registers", self.registers, _RANKS, f"over {limits.MAX_RANK}")

    @classmethod
    def empty(cls) -> "SketchColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in cls.NAMES))
