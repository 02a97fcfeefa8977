"""A batch and its parts. Each checks itself when it is made: exact types, ranges, and lengths of columns.

Columns are `bytes`, one number after another without gaps, little-endian; addresses are in network order.
The checks run over whole columns at once and never row by row, because they run on the appliance too.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from teiten_protocol import limits
from teiten_protocol.errors import BatchError
from teiten_protocol.keys import NAMED_PROTOCOLS, Class, Family, Form, Tool

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

_OCTET_VALUES = bytes(range(256))


def tuple_width(field: str, family: Family) -> int:
    """Bytes a row takes in a column of tuples."""
    if field in {"source", "address"}:
        return family.address_bytes
    return _TUPLE_WIDTHS[field]


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

    def __post_init__(self) -> None:
        """Check the columns' lengths and contents."""
        if type(self.family) is not Family:
            raise BatchError("family", "must be a Family")
        place = self.place
        require_integer(f"{place}.rows", self.rows, 0, limits.MAX_ROWS)
        for field, column in self.columns():
            _require_column(f"{place}.{field}", column, self.rows, tuple_width(field, self.family))
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

    @classmethod
    def empty(cls, family: Family) -> "TupleColumns":
        """Columns without rows."""
        return cls(family, 0, *(b"" for _ in TUPLE_FIELDS))

    @property
    def place(self) -> str:
        """Name of the field that holds these columns in a batch."""
        return f"ipv{int(self.family)}"

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
        for field, column in self.columns():
            _require_column(f"detections.{field}", column, self.rows, DETECTION_WIDTHS[field])
        _require_members("detections.family", self.family, _FAMILIES, "no family (4 or 6)")
        for field, column in (("source", self.source), ("address", self.address)):
            for octet in range(12):
                _require_zero_where(
                    f"detections.{field}",
                    column[octet::16],
                    self.family,
                    _IS_IPV4,
                    "not 12 zero bytes before an IPv4 address",
                )
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
    """

    key: BatchKey
    settings: bytes
    spans: tuple[Span, ...]
    counters: Mapping[str, int]
    ipv4: TupleColumns
    ipv6: TupleColumns
    detections: DetectionColumns

    def __post_init__(self) -> None:
        """Check what the parts do not check themselves."""
        if type(self.key) is not BatchKey:
            raise BatchError("key", "must be a BatchKey")
        if type(self.settings) is not bytes or len(self.settings) != limits.SETTINGS_BYTES:
            raise BatchError("settings", f"must be {limits.SETTINGS_BYTES} bytes")
        self._check_spans()
        self._check_counters()
        if type(self.ipv4) is not TupleColumns or self.ipv4.family is not Family.IPV4:
            raise BatchError("ipv4", "must be columns of IPv4 tuples")
        if type(self.ipv6) is not TupleColumns or self.ipv6.family is not Family.IPV6:
            raise BatchError("ipv6", "must be columns of IPv6 tuples")
        if self.ipv4.rows + self.ipv6.rows > limits.MAX_ROWS:
            raise BatchError(
                "ipv6.rows", f"IPv4 and IPv6 rows together are over {limits.MAX_ROWS}: split the batch"
            )
        if type(self.detections) is not DetectionColumns:
            raise BatchError("detections", "must be columns of detections")

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
_NO_CODE: Final = _where(Form.IP, Form.FRAGMENT, Form.CUT)
_PARTS: Final = _where(Form.FRAGMENT, Form.CUT)
_UNNAMED_PROTOCOL: Final = bytes(0 if octet in NAMED_PROTOCOLS else 0xFF for octet in _OCTET_VALUES)
_IS_IPV4: Final = _where(Family.IPV4)
