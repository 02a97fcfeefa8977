"""Batches to bodies and back.

One batch has one body: fields stand in the specified order, numbers and lengths in msgpack's shortest form.
So the digest of a body is the digest of its content: a repeat can be told from other content by it.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence

import msgpack  # type: ignore[import-untyped] # the package ships no types

from teiten_protocol import limits
from teiten_protocol.batch import Batch, BatchKey, HeldStep, Span
from teiten_protocol.columns import (
    Columns,
    DetectionColumns,
    ExampleColumns,
    QuotedColumns,
    SketchColumns,
    TupleColumns,
)
from teiten_protocol.errors import BatchError, Fault
from teiten_protocol.keys import Family, Step
from teiten_protocol.reader import LONG_BINARY, LONG_BYTES, Reader

FIELDS = (
    "version",
    "sensor",
    "epoch",
    "sequence",
    "settings",
    "spans",
    "counters",
    "ipv4",
    "ipv6",
    "detections",
    "quoted",
    "merged_ipv4",
    "merged_ipv6",
    "sketches",
    "steps",
)
"""Fields of a batch, in the order of the wire; behind them come `examples`, if there are any."""


def encode(batch: Batch) -> bytes:
    """Write the one body of a batch; at most `limits.MAX_BODY_BYTES` bytes."""
    return b"".join(_pieces(batch))


def _pieces(batch: Batch) -> Iterator[bytes]:
    """The body of a batch in pieces, none longer than a column and its name."""
    packer = msgpack.Packer(use_bin_type=True)
    content: dict[str, object] = {
        "version": limits.VERSION_WITH_EXAMPLES if batch.examples.rows else limits.VERSION,
        "sensor": batch.key.sensor,
        "epoch": batch.key.epoch,
        "sequence": batch.key.sequence,
        "settings": batch.settings,
        "spans": [[span.start_ns, span.end_ns] for span in batch.spans],
        "counters": dict(batch.counters),  # sorted by the batch itself
        "ipv4": batch.ipv4,
        "ipv6": batch.ipv6,
        "detections": batch.detections,
        "quoted": batch.quoted,
        "merged_ipv4": batch.merged_ipv4,
        "merged_ipv6": batch.merged_ipv6,
        "sketches": batch.sketches,
        "steps": [[int(held.step), held.start_ns, held.end_ns] for held in batch.steps],
    }
    if batch.examples.rows:
        content["examples"] = batch.examples
    yield packer.pack_map_header(len(content))
    for name, value in content.items():
        yield packer.pack(name)
        if isinstance(value, Columns):
            columns = list(value.columns())
            yield packer.pack_map_header(1 + len(columns))
            yield packer.pack("rows") + packer.pack(value.rows)
            for column, packed in columns:
                yield packer.pack(column)
                yield from _binary(packer, packed)
        else:
            yield packer.pack(value)


def _binary(packer: msgpack.Packer, content: bytes) -> Iterator[bytes]:
    """A string of bytes; a long one is not copied, because the largest column is sixteen megabytes."""
    if len(content) < LONG_BYTES:
        yield packer.pack(content)
    else:
        yield LONG_BINARY + struct.pack(">I", len(content))
        yield content


def _is_written_so(batch: Batch, body: bytes) -> bool:
    """Whether `encode` writes this body; not made as a whole, because it may be as large again."""
    view = memoryview(body)
    at = 0
    for piece in _pieces(batch):
        if view[at : at + len(piece)] != piece:
            return False
        at += len(piece)
    return at == len(body)


def decode(body: bytes) -> Batch:
    """Read a body.

    Raises:
        BatchError: The body is no batch in the one form that `encode` writes; it names the place.
    """
    if len(body) > limits.MAX_BODY_BYTES:
        raise BatchError(
            "body", f"{len(body)} bytes are over the limit of {limits.MAX_BODY_BYTES}", Fault.SIZE
        )
    reader = Reader(body)
    size = reader.map_size("body", len(FIELDS) + 1)
    _field(reader, "", "version")
    version = reader.integer("version")
    if version not in limits.SUPPORTED_VERSIONS:
        supported = ", ".join(str(known) for known in sorted(limits.SUPPORTED_VERSIONS))
        raise BatchError("version", f"{version} is not supported (supported: {supported})", Fault.VERSION)
    fields = FIELDS if version == limits.VERSION else (*FIELDS, "examples")
    if size != len(fields):
        raise BatchError("body", f"must be a map of {len(fields)} fields: {', '.join(fields)}")
    _field(reader, "", "sensor")
    sensor = reader.text("sensor")
    _field(reader, "", "epoch")
    epoch = reader.integer("epoch")
    _field(reader, "", "sequence")
    key = BatchKey(sensor, epoch, reader.integer("sequence"))
    _field(reader, "", "settings")
    settings = reader.binary("settings")
    _field(reader, "", "spans")
    spans = _spans(reader)
    _field(reader, "", "counters")
    counters = _counters(reader)
    ipv4 = _tuples(reader, "ipv4", Family.IPV4)
    ipv6 = _tuples(reader, "ipv6", Family.IPV6)
    rows, columns = _table(reader, "detections", DetectionColumns.NAMES, limits.MAX_DETECTIONS)
    detections = DetectionColumns(rows, *columns)
    rows, columns = _table(reader, "quoted", QuotedColumns.NAMES, limits.MAX_QUOTED)
    quoted = QuotedColumns(rows, *columns)
    merged_ipv4 = _tuples(reader, "merged_ipv4", Family.IPV4, merged=True)
    merged_ipv6 = _tuples(reader, "merged_ipv6", Family.IPV6, merged=True)
    rows, columns = _table(reader, "sketches", SketchColumns.NAMES, limits.MAX_SKETCHES)
    sketches = SketchColumns(rows, *columns)
    _field(reader, "", "steps")
    steps = _steps(reader)
    examples = ExampleColumns.empty()
    if version == limits.VERSION_WITH_EXAMPLES:
        rows, columns = _table(reader, "examples", ExampleColumns.NAMES, limits.MAX_EXAMPLES)
        examples = ExampleColumns(rows, *columns)
        if not rows:
            raise BatchError("examples.rows", f"must not be 0 in version {version}")
    reader.end()
    batch = Batch(
        key=key,
        settings=settings,
        spans=spans,
        counters=counters,
        ipv4=ipv4,
        ipv6=ipv6,
        detections=detections,
        quoted=quoted,
        merged_ipv4=merged_ipv4,
        merged_ipv6=merged_ipv6,
        sketches=sketches,
        steps=steps,
        examples=examples,
    )
    # What remains to be told apart are longer forms of numbers and lengths, and counters out of order.
    if not _is_written_so(batch, body):
        raise BatchError(
            "body",
            "numbers and lengths must have msgpack's shortest form, counters be sorted by name",
            Fault.CANONICAL,
        )
    return batch


def digest(body: bytes) -> bytes:
    """SHA-256 of the body as `encode` writes it, before compression: 32 bytes."""
    return hashlib.sha256(body).digest()


def _field(reader: Reader, place: str, expected: str) -> None:
    path = f"{place}.{expected}" if place else expected
    found = reader.text(path)
    if found != expected:
        raise BatchError(path, f"must stand here; the field found is {found!r}")


def _spans(reader: Reader) -> tuple[Span, ...]:
    spans = []
    for index in range(reader.array_size("spans", limits.MAX_SPANS)):
        place = f"spans[{index}]"
        if reader.array_size(place, 2) != 2:  # noqa: PLR2004 - start and end
            raise BatchError(place, "must be an array of start and end")
        start, end = reader.integer(f"{place}.start"), reader.integer(f"{place}.end")
        try:
            spans.append(Span(start, end))
        except BatchError as error:
            raise BatchError(f"{place}.{error.place}", error.reason) from None
    return tuple(spans)


def _counters(reader: Reader) -> dict[str, int]:
    counters: dict[str, int] = {}
    for index in range(reader.map_size("counters", limits.MAX_COUNTERS)):
        name = reader.text(f"counters[{index}]")
        if name in counters:
            raise BatchError(f"counters[{index}]", f"{name!r} stands twice")
        counters[name] = reader.integer(f"counters[{index}]")
    return counters


def _steps(reader: Reader) -> tuple[HeldStep, ...]:
    steps = []
    for index in range(reader.array_size("steps", limits.MAX_SPANS)):
        place = f"steps[{index}]"
        if reader.array_size(place, 3) != 3:  # noqa: PLR2004 - step, start and end
            raise BatchError(place, "must be an array of step, start and end")
        number = reader.integer(f"{place}.step")
        start, end = reader.integer(f"{place}.start"), reader.integer(f"{place}.end")
        try:
            steps.append(HeldStep(Step(number), start, end))
        except BatchError as error:
            raise BatchError(f"{place}.{error.place}", error.reason) from None
        except ValueError:
            raise BatchError(f"{place}.step", f"{number} is no step (1 to {len(Step)})") from None
    return tuple(steps)


def _tuples(reader: Reader, place: str, family: Family, *, merged: bool = False) -> TupleColumns:
    rows, columns = _table(reader, place, TupleColumns.NAMES, limits.MAX_ROWS)
    return TupleColumns(family, rows, *columns, merged=merged)


def _table(reader: Reader, place: str, fields: Sequence[str], limit: int) -> tuple[int, list[bytes]]:
    _field(reader, "", place)
    if reader.map_size(place, len(fields) + 1) != len(fields) + 1:
        raise BatchError(place, f"must be a map of {len(fields) + 1} fields: rows, {', '.join(fields)}")
    _field(reader, place, "rows")
    rows = reader.integer(f"{place}.rows")
    if not 0 <= rows <= limit:
        raise BatchError(f"{place}.rows", f"must be an integer from 0 to {limit}")
    columns = []
    for field in fields:
        _field(reader, place, field)
        columns.append(reader.binary(f"{place}.{field}"))
    return rows, columns
