"""A batch and its parts. Each checks itself when it is made: exact types, ranges, and lengths of columns.

Columns are `bytes`, one number after another without gaps, little-endian; addresses are in network order.
The checks run over whole columns at once and never row by row, because they run on the appliance too.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from teiten_protocol import limits
from teiten_protocol.errors import BatchError
from teiten_protocol.keys import NAMED_PROTOCOLS, Class, Family, Form, Step, Tool

TUPLE_FIELDS: Final = (
    "minute",
    "source",
    "address",
    "form",
    "value",
    "source_port",
    "flags",
    "class",
    "tool",
    "packets",
    "bytes",
)
"""Columns of tuples, in the order of the wire."""

DETECTION_FIELDS: Final = ("minute", "signature", "family", "source", "address", "count")
"""Columns of detections, in the order of the wire."""

QUOTED_FIELDS: Final = (
    "minute",
    "family",
    "source",
    "address",
    "type",
    "code",
    "protocol",
    "victim",
    "victim_port",
    "packets",
)
"""Columns of quotations, in the order of the wire."""

EXAMPLE_FIELDS: Final = ("minute", "signature", "family", "source", "length", "payload")
"""Columns of example payloads, in the order of the wire."""

SKETCH_FIELDS: Final = ("minute", "family", "form", "value", "registers")
"""Columns of sketches, in the order of the wire."""

_OCTET_VALUES = bytes(range(256))


def tuple_width(name: str, family: Family) -> int:
    """Bytes a row takes in a column of tuples."""
    if name in {"source", "address"}:
        return family.address_bytes
    return _TUPLE_WIDTHS[name]


_TUPLE_WIDTHS: Final = {
    "minute": 4,
    "form": 1,
    "value": 2,
    "source_port": 2,
    "flags": 1,
    "class": 1,
    "tool": 1,
    "packets": 8,
    "bytes": 8,
}

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


@dataclass(frozen=True, slots=True, order=True)
class BatchKey:
    """The natural key of a batch: at most one batch with it is ever counted.

    Attributes:
        sensor: The sensor's id, matching `limits.SENSOR_ID`.
        epoch: One run of a sensor's counting, 0 to 2**63 - 1.
        sequence: Number of the batch in its epoch, 0 to 2**31 - 1.
    """

    sensor: str
    epoch: int
    sequence: int

    def __post_init__(self) -> None:
        """Check the parts."""
        if type(self.sensor) is not str or limits.SENSOR_ID.fullmatch(self.sensor) is None:
            raise BatchError("sensor", f"must match {limits.SENSOR_ID.pattern}")
        require_integer("epoch", self.epoch, 0, limits.MAX_EPOCH)
        require_integer("sequence", self.sequence, 0, limits.MAX_SEQUENCE)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time that was observed, half-open, in nanoseconds of the Unix epoch."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        """Check that the span is not empty."""
        require_integer("start", self.start_ns, 0, limits.MAX_TIME_NS - 1)
        require_integer("end", self.end_ns, self.start_ns + 1, limits.MAX_TIME_NS)


@dataclass(frozen=True, slots=True)
class TupleColumns:
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
        require_integer(f"{place}.rows", self.rows, 0, limits.MAX_ROWS)
        for name, column in self.columns():
            _require_column(f"{place}.{name}", column, self.rows, tuple_width(name, self.family))
        _require_members(
            f"{place}.form", self.form, _FORMS_OF_FAMILY[self.family], "no form of a key in this family"
        )
        _require_members(f"{place}.class", self.class_, _CLASSES, "no class")
        _require_members(f"{place}.tool", self.tool, _TOOLS, "no tool")
        value_low, value_high = self.value[0::2], self.value[1::2]
        _require_zero_where(
            f"{place}.value", value_high, self.form, _NOT_PORTS, "over 255 for a form without ports"
        )
        unnamed = value_low.translate(_UNNAMED_PROTOCOL)
        _require_zero_where(
            f"{place}.value", unnamed, self.form, _PARTS, "no protocol with fragment and cut keys"
        )
        _require_zero_where(
            f"{place}.flags", self.flags, self.form, _NOT_TCP, "not 0 where the form is not TCP"
        )
        port_high, port_low = self.source_port[1::2], self.source_port[0::2]
        _require_zero_where(
            f"{place}.source_port", port_high, self.form, _NOT_PORTS, "over 255 without ports"
        )
        _require_zero_where(
            f"{place}.source_port", port_low, self.form, _NO_CODE, "not 0 without port or code"
        )
        _require_counts(f"{place}.packets", self.packets, zero_allowed=False)
        _require_counts(f"{place}.bytes", self.bytes_, zero_allowed=True)
        if self.merged:
            if any(self.source):
                raise BatchError(f"{place}.source", "must be 0: sources were merged")
            for octets in (port_high, port_low):
                _require_zero_where(
                    f"{place}.source_port", octets, self.form, _PORTS, "not 0 where sources were merged"
                )

    @classmethod
    def empty(cls, family: Family, *, merged: bool = False) -> "TupleColumns":
        """Columns without rows."""
        return cls(family, 0, *(b"" for _ in TUPLE_FIELDS), merged=merged)

    @property
    def place(self) -> str:
        """Name of the field that holds these columns in a batch."""
        return f"{'merged_' if self.merged else ''}ipv{int(self.family)}"

    def columns(self) -> Iterator[tuple[str, bytes]]:
        """Yield each column with its name on the wire, in the order of the wire."""
        yield "minute", self.minute
        yield "source", self.source
        yield "address", self.address
        yield "form", self.form
        yield "value", self.value
        yield "source_port", self.source_port
        yield "flags", self.flags
        yield "class", self.class_
        yield "tool", self.tool
        yield "packets", self.packets
        yield "bytes", self.bytes_


@dataclass(frozen=True, slots=True)
class DetectionColumns:
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

    rows: int
    minute: bytes
    signature: bytes
    family: bytes
    source: bytes
    address: bytes
    count: bytes

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        require_integer("detections.rows", self.rows, 0, limits.MAX_DETECTIONS)
        for name, column in self.columns():
            _require_column(f"detections.{name}", column, self.rows, DETECTION_WIDTHS[name])
        _require_members("detections.family", self.family, _FAMILIES, "no family (4 or 6)")
        for name, column in (("source", self.source), ("address", self.address)):
            _require_padded(f"detections.{name}", column, self.family)
        _require_counts("detections.count", self.count, zero_allowed=False)

    @classmethod
    def empty(cls) -> "DetectionColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in DETECTION_FIELDS))

    def columns(self) -> Iterator[tuple[str, bytes]]:
        """Yield each column with its name on the wire, in the order of the wire."""
        yield "minute", self.minute
        yield "signature", self.signature
        yield "family", self.family
        yield "source", self.source
        yield "address", self.address
        yield "count", self.count


@dataclass(frozen=True, slots=True)
class ExampleColumns:
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

    rows: int
    minute: bytes
    signature: bytes
    family: bytes
    source: bytes
    length: bytes
    payload: bytes

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        require_integer("examples.rows", self.rows, 0, limits.MAX_EXAMPLES)
        for name, column in self.columns():
            _require_column(f"examples.{name}", column, self.rows, EXAMPLE_WIDTHS[name])
        _require_members("examples.family", self.family, _FAMILIES, "no family (4 or 6)")
        _require_padded("examples.source", self.source, self.family)
        _require_members("examples.length", self.length, _LENGTHS, f"not 1 to {limits.EXAMPLE_BYTES}")
        for octet, ended in enumerate(_ENDED):
            column = self.payload[octet :: limits.EXAMPLE_BYTES]
            _require_zero_where("examples.payload", column, self.length, ended, "not 0 behind its length")

    @classmethod
    def empty(cls) -> "ExampleColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in EXAMPLE_FIELDS))

    def columns(self) -> Iterator[tuple[str, bytes]]:
        """Yield each column with its name on the wire, in the order of the wire."""
        yield "minute", self.minute
        yield "signature", self.signature
        yield "family", self.family
        yield "source", self.source
        yield "length", self.length
        yield "payload", self.payload


@dataclass(frozen=True, slots=True)
class QuotedColumns:
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
        require_integer("quoted.rows", self.rows, 0, limits.MAX_QUOTED)
        for name, column in self.columns():
            _require_column(f"quoted.{name}", column, self.rows, QUOTED_WIDTHS[name])
        _require_members("quoted.family", self.family, _FAMILIES, "no family (4 or 6)")
        for name, column in (("source", self.source), ("address", self.address), ("victim", self.victim)):
            _require_padded(f"quoted.{name}", column, self.family)
        _require_counts("quoted.packets", self.packets, zero_allowed=False)

    @classmethod
    def empty(cls) -> "QuotedColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in QUOTED_FIELDS))

    def columns(self) -> Iterator[tuple[str, bytes]]:
        """Yield each column with its name on the wire, in the order of the wire."""
        yield "minute", self.minute
        yield "family", self.family
        yield "source", self.source
        yield "address", self.address
        yield "type", self.type_
        yield "code", self.code
        yield "protocol", self.protocol
        yield "victim", self.victim
        yield "victim_port", self.victim_port
        yield "packets", self.packets


@dataclass(frozen=True, slots=True)
class SketchColumns:
    """How many sources merged rows had: HyperLogLog sketches of both families, column by column.

    Attributes:
        rows: Number of sketches.
        minute: u32, minutes since the Unix epoch: that of the interval's start.
        family: u8, a `Family`; 0 for the sketch of all keys that have none of their own.
        form: u8, a `Form` of a key; 0 where `family` is.
        value: u16, as the form says; 0 where `family` is.
        registers: `limits.SKETCH_REGISTERS` bytes, each 0 to `limits.MAX_RANK`.
    """

    rows: int
    minute: bytes
    family: bytes
    form: bytes
    value: bytes
    registers: bytes

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        require_integer("sketches.rows", self.rows, 0, limits.MAX_SKETCHES)
        for name, column in self.columns():
            _require_column(f"sketches.{name}", column, self.rows, SKETCH_WIDTHS[name])
        _require_members("sketches.family", self.family, _SKETCH_FAMILIES, "no family (0, 4 or 6)")
        _require_members("sketches.form", self.form, _SKETCH_FORMS, "no form of a key, nor 0")
        for name, octets in (
            ("form", self.form),
            ("value", self.value[0::2]),
            ("value", self.value[1::2]),
        ):
            _require_zero_where(f"sketches.{name}", octets, self.family, _IS_SHARED, "not 0 without a family")
        _require_zero_where(
            "sketches.form",
            self.family,
            self.form,
            _IS_SHARED,
            "0 where the family is not",
        )
        unnamed = self.value[0::2].translate(_UNNAMED_PROTOCOL)
        _require_zero_where(
            "sketches.value", unnamed, self.form, _PARTS, "no protocol with fragment and cut keys"
        )
        _require_zero_where(
            "sketches.value",
            self.value[1::2],
            self.form,
            _NOT_PORTS,
            "over 255 for a form without ports",
        )
        _require_members("sketches.registers", self.registers, _RANKS, f"over {limits.MAX_RANK}")

    @classmethod
    def empty(cls) -> "SketchColumns":
        """Columns without rows."""
        return cls(0, *(b"" for _ in SKETCH_FIELDS))

    def columns(self) -> Iterator[tuple[str, bytes]]:
        """Yield each column with its name on the wire, in the order of the wire."""
        yield "minute", self.minute
        yield "family", self.family
        yield "form", self.form
        yield "value", self.value
        yield "registers", self.registers


@dataclass(frozen=True, slots=True, order=True)
class HeldStep:
    """A stretch of time in which a sensor gave something up, half-open, in nanoseconds of the Unix epoch."""

    step: Step
    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        """Check the step and that the time is not empty."""
        if type(self.step) is not Step:
            raise BatchError("step", "must be a Step")
        require_integer("start", self.start_ns, 0, limits.MAX_TIME_NS - 1)
        require_integer("end", self.end_ns, self.start_ns + 1, limits.MAX_TIME_NS)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one sensor saw in its spans.

    Attributes:
        key: The natural key.
        settings: SHA-256 of whatever shapes the sensor's stream of batches; one epoch has one.
        spans: What was observed: at least one, in order of time, not overlapping.
        counters: Sums over the whole batch by name, 0 to 2**63 - 1; read-only once the batch is made.
        ipv4: Tuples over IPv4.
        ipv6: Tuples over IPv6.
        detections: Alerts of signatures.
        quoted: What ICMP errors quoted.
        merged_ipv4: Tuples over IPv4 whose sources were merged.
        merged_ipv6: Tuples over IPv6 whose sources were merged.
        sketches: How many sources the merged tuples had.
        steps: When something was given up: in order of time, not overlapping.
        examples: Example payloads of the detections.
    """

    key: BatchKey
    settings: bytes
    spans: tuple[Span, ...]
    counters: Mapping[str, int]
    ipv4: TupleColumns
    ipv6: TupleColumns
    detections: DetectionColumns
    quoted: QuotedColumns = field(default_factory=QuotedColumns.empty)
    merged_ipv4: TupleColumns = field(default_factory=lambda: TupleColumns.empty(Family.IPV4, merged=True))
    merged_ipv6: TupleColumns = field(default_factory=lambda: TupleColumns.empty(Family.IPV6, merged=True))
    sketches: SketchColumns = field(default_factory=SketchColumns.empty)
    steps: tuple[HeldStep, ...] = ()
    examples: ExampleColumns = field(default_factory=ExampleColumns.empty)

    def __post_init__(self) -> None:
        """Check what the parts do not check themselves."""
        if type(self.key) is not BatchKey:
            raise BatchError("key", "must be a BatchKey")
        if type(self.settings) is not bytes or len(self.settings) != limits.SETTINGS_BYTES:
            raise BatchError("settings", f"must be {limits.SETTINGS_BYTES} bytes")
        self._check_spans()
        self._check_counters()
        self._check_tuples()
        if type(self.detections) is not DetectionColumns:
            raise BatchError("detections", "must be columns of detections")
        if type(self.quoted) is not QuotedColumns:
            raise BatchError("quoted", "must be columns of quotations")
        if type(self.sketches) is not SketchColumns:
            raise BatchError("sketches", "must be columns of sketches")
        if type(self.examples) is not ExampleColumns:
            raise BatchError("examples", "must be columns of example payloads")
        self._check_steps()

    def _check_tuples(self) -> None:
        rows = 0
        for place, columns, family, merged in (
            ("ipv4", self.ipv4, Family.IPV4, False),
            ("ipv6", self.ipv6, Family.IPV6, False),
            ("merged_ipv4", self.merged_ipv4, Family.IPV4, True),
            ("merged_ipv6", self.merged_ipv6, Family.IPV6, True),
        ):
            if type(columns) is not TupleColumns or columns.place != place:
                kind = "merged " if merged else ""
                raise BatchError(place, f"must be columns of {kind}IPv{int(family)} tuples")
            rows += columns.rows
            if rows > limits.MAX_ROWS:
                raise BatchError(
                    f"{place}.rows",
                    f"the rows of all tuples together are over {limits.MAX_ROWS}: split the batch",
                )

    def _check_steps(self) -> None:
        if type(self.steps) is not tuple or len(self.steps) > limits.MAX_SPANS:
            raise BatchError("steps", f"must be at most {limits.MAX_SPANS} steps")
        end = 0
        for index, held in enumerate(self.steps):
            if type(held) is not HeldStep:
                raise BatchError(f"steps[{index}]", "must be a HeldStep")
            if held.start_ns < end:
                raise BatchError(f"steps[{index}]", "starts before the step before it ends")
            end = held.end_ns

    def _check_spans(self) -> None:
        if type(self.spans) is not tuple or not 1 <= len(self.spans) <= limits.MAX_SPANS:
            raise BatchError("spans", f"must be 1 to {limits.MAX_SPANS} spans")
        end = 0
        for index, span in enumerate(self.spans):
            if type(span) is not Span:
                raise BatchError(f"spans[{index}]", "must be a Span")
            if span.start_ns < end:
                raise BatchError(f"spans[{index}]", "starts before the span before it ends")
            end = span.end_ns

    def _check_counters(self) -> None:
        if len(self.counters) > limits.MAX_COUNTERS:
            raise BatchError("counters", f"must be a map of at most {limits.MAX_COUNTERS} counters")
        for name, count in self.counters.items():
            if type(name) is not str or limits.COUNTER_NAME.fullmatch(name) is None:
                raise BatchError("counters", f"a counter's name must match {limits.COUNTER_NAME.pattern}")
            require_integer(f"counters.{name}", count, 0, limits.MAX_COUNT)
        # A copy, in the order of the wire: later changes by the caller must not reach a checked batch.
        object.__setattr__(self, "counters", MappingProxyType(dict(sorted(self.counters.items()))))


def require_integer(place: str, value: object, low: int, high: int) -> None:
    """Refuse anything but an `int` (a `bool` is none) from `low` to `high`, both included.

    Raises:
        BatchError: It is something else.
    """
    if type(value) is not int or not low <= value <= high:
        raise BatchError(place, f"must be an integer from {low} to {high}")


def _require_column(place: str, column: object, rows: int, width: int) -> None:
    if type(column) is not bytes or len(column) != rows * width:
        raise BatchError(place, f"must be {rows * width} bytes: {rows} rows of {width}")


def _require_members(place: str, column: bytes, allowed: bytes, problem: str) -> None:
    strangers = column.translate(None, allowed)
    if strangers:
        row = column.index(strangers[:1])
        raise BatchError(place, f"row {row} is {strangers[0]}: {problem}")


def _require_zero_where(place: str, column: bytes, selector: bytes, table: bytes, problem: str) -> None:
    """Refuse a non-zero octet in a row whose selector the table maps to 255 (and not to 0)."""
    if not any(column):
        return
    hits = int.from_bytes(column, "big") & int.from_bytes(selector.translate(table), "big")
    if hits:
        row = len(column) - (hits.bit_length() + 7) // 8
        raise BatchError(place, f"row {row} is {problem}")


def _require_padded(place: str, column: bytes, family: bytes) -> None:
    """Refuse an IPv4 address in 16 bytes that does not follow 12 zero bytes."""
    for octet in range(12):
        _require_zero_where(
            place, column[octet::16], family, _IS_IPV4, "not 12 zero bytes before an IPv4 address"
        )


def _require_counts(place: str, column: bytes, *, zero_allowed: bool) -> None:
    top = column[7::8]
    if not top.isascii():
        row = next(row for row, octet in enumerate(top) if octet > 0x7F)  # noqa: PLR2004 - the sign bit
        raise BatchError(place, f"row {row} is over {limits.MAX_COUNT}")
    if not zero_allowed:
        counts = array("Q", column)  # zero is zero in either byte order
        if 0 in counts:
            raise BatchError(place, f"row {counts.index(0)} is 0: a row counts at least one")


def _where(*members: int) -> bytes:
    """Return a translation table that gives 255 for the members and 0 for every other octet."""
    return bytes(0xFF if octet in members else 0 for octet in _OCTET_VALUES)


_FORMS_OF_FAMILY: Final = {
    Family.IPV4: bytes(form for form in Form if form is not Form.ICMPV6),
    Family.IPV6: bytes(form for form in Form if form is not Form.ICMP),
}
_CLASSES: Final = bytes(Class)
_TOOLS: Final = bytes(Tool)
_FAMILIES: Final = bytes(Family)
_NOT_TCP: Final = _where(*(form for form in Form if form is not Form.TCP))
_NOT_PORTS: Final = _where(*(form for form in Form if form not in {Form.TCP, Form.UDP}))
_PORTS: Final = _where(Form.TCP, Form.UDP)
_NO_CODE: Final = _where(Form.IP, Form.FRAGMENT, Form.CUT)
_PARTS: Final = _where(Form.FRAGMENT, Form.CUT)
_UNNAMED_PROTOCOL: Final = bytes(0 if octet in NAMED_PROTOCOLS else 0xFF for octet in _OCTET_VALUES)
_IS_IPV4: Final = _where(Family.IPV4)
_SKETCH_FAMILIES: Final = bytes((0, *Family))
_SKETCH_FORMS: Final = bytes((0, *Form))
_IS_SHARED: Final = _where(0)
_LENGTHS: Final = bytes(range(1, limits.EXAMPLE_BYTES + 1))
_ENDED: Final = tuple(_where(*range(1, octet + 1)) for octet in range(limits.EXAMPLE_BYTES))
"""Of each octet of an example, which lengths end before it."""
_RANKS: Final = bytes(range(limits.MAX_RANK + 1))
