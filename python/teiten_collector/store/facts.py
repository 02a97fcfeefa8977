"""The fact tables' columns, and how a batch becomes rows of them: whole columns at a time, never by rows.

Every integer is signed, because Spark knows no others. An IPv4 address is its number in `*_low`, with 0 in
`*_high`; an IPv6 address is two halves, each the signed reading of 64 bits.
"""

from __future__ import annotations

import json
import sys
from array import array
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc

from teiten_protocol import SKETCH_REGISTERS, Family, key_text
from teiten_protocol.limits import EXAMPLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from teiten_collector.store.journal import Entry
    from teiten_protocol import (
        Batch,
        BatchKey,
        DetectionColumns,
        ExampleColumns,
        QuotedColumns,
        SketchColumns,
        TupleColumns,
    )

MINUTES_A_DAY: Final = 1440
DAY_NS: Final = 86_400 * 1_000_000_000

_BATCH: Final[list[tuple[str, pa.DataType]]] = [
    ("sensor", pa.string()),
    ("epoch", pa.int64()),
    ("sequence", pa.int32()),
]
_ADDRESSES: Final[list[tuple[str, pa.DataType]]] = [
    ("family", pa.int8()),
    ("source_high", pa.int64()),
    ("source_low", pa.int64()),
    ("address_high", pa.int64()),
    ("address_low", pa.int64()),
]
_ENRICHED: Final[list[tuple[str, pa.DataType]]] = [("country", pa.string()), ("asn", pa.int64())]

_TUPLES: Final[list[tuple[str, pa.DataType]]] = [
    ("day", pa.date32()),
    ("minute", pa.int32()),
    *_BATCH,
    *_ADDRESSES,
    ("key", pa.string()),
    ("form", pa.int8()),
    ("value", pa.int32()),
    ("source_port", pa.int32()),
    ("flags", pa.int16()),
    ("class", pa.int8()),
    ("tool", pa.int8()),
    ("packets", pa.int64()),
    ("bytes", pa.int64()),
    *_ENRICHED,
]
_DETECTIONS: Final[list[tuple[str, pa.DataType]]] = [
    ("day", pa.date32()),
    ("minute", pa.int32()),
    *_BATCH,
    *_ADDRESSES,
    ("signature", pa.int64()),
    ("count", pa.int64()),
    *_ENRICHED,
]
_QUOTED: Final[list[tuple[str, pa.DataType]]] = [
    ("day", pa.date32()),
    ("minute", pa.int32()),
    *_BATCH,
    *_ADDRESSES,
    ("type", pa.int16()),
    ("code", pa.int16()),
    ("protocol", pa.int16()),
    ("victim_high", pa.int64()),
    ("victim_low", pa.int64()),
    ("victim_port", pa.int32()),
    ("packets", pa.int64()),
    *_ENRICHED,
]
_SKETCHES: Final[list[tuple[str, pa.DataType]]] = [
    ("day", pa.date32()),
    ("minute", pa.int32()),
    *_BATCH,
    ("family", pa.int8()),
    ("key", pa.string()),
    ("form", pa.int8()),
    ("value", pa.int32()),
    ("registers", pa.binary()),
]
_OBSERVATIONS: Final[list[tuple[str, pa.DataType]]] = [
    ("day", pa.date32()),
    *_BATCH,
    ("start_ns", pa.int64()),
    ("end_ns", pa.int64()),
    ("packets", pa.int64()),
    ("bytes", pa.int64()),
    ("counted", pa.int64()),
    ("not_monitored", pa.int64()),
    ("outside_span", pa.int64()),
    ("malformed", pa.int64()),
    ("counters", pa.string()),
    ("steps", pa.string()),
    ("received_ns", pa.int64()),
    ("country_database", pa.string()),
    ("network_database", pa.string()),
]
_EXAMPLES: Final[list[tuple[str, pa.DataType]]] = [
    ("day", pa.date32()),
    ("minute", pa.int32()),
    *_BATCH,
    ("family", pa.int8()),
    ("source_high", pa.int64()),
    ("source_low", pa.int64()),
    ("signature", pa.int64()),
    ("payload", pa.binary()),
]
TUPLES: Final = pa.schema(_TUPLES)
DETECTIONS: Final = pa.schema(_DETECTIONS)
QUOTED: Final = pa.schema(_QUOTED)
SKETCHES: Final = pa.schema(_SKETCHES)
EXAMPLES: Final = pa.schema(_EXAMPLES)
OBSERVATIONS: Final = pa.schema(_OBSERVATIONS)
SCHEMAS: Final[Mapping[str, pa.Schema]] = {
    "tuples": TUPLES,
    "detections": DETECTIONS,
    "quoted": QUOTED,
    "sketches": SKETCHES,
    "examples": EXAMPLES,
    "observations": OBSERVATIONS,
}
"""Every fact table by name, in the order in which a group reaches them."""


class Sources(Protocol):
    """What is known of sources besides their packets.

    Attributes:
        country_database: Which database says the countries: its name and date; empty for none.
        network_database: The same of networks.
    """

    @property
    def country_database(self) -> str:
        """See the class."""
        ...

    @property
    def network_database(self) -> str:
        """See the class."""
        ...

    def countries(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """Two-letter codes (strings, null where unknown) of addresses of 4 or 16 bytes in network order."""
        ...

    def networks(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """Autonomous system numbers (int64, null where unknown) of such addresses."""
        ...


class Unknown:
    """`Sources` that knows nothing."""

    country_database = network_database = ""

    def countries(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """Null for every address."""
        return pa.nulls(len(addresses), pa.string())

    def networks(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """Null for every address."""
        return pa.nulls(len(addresses), pa.int64())


def facts(batches: Iterable[tuple[Entry, Batch]], sources: Sources) -> dict[str, pa.Table]:
    """The rows that batches bring to each table, by the tables' names."""
    parts: dict[str, list[pa.Table]] = {name: [] for name in SCHEMAS}
    for entry, batch in batches:
        parts["tuples"].extend(
            _tuples(batch.key, columns, sources) for columns in _all_tuples(batch) if columns.rows
        )
        if batch.detections.rows:
            parts["detections"].extend(_detections(batch.key, batch.detections, sources))
        if batch.quoted.rows:
            parts["quoted"].extend(_quoted(batch.key, batch.quoted, sources))
        if batch.sketches.rows:
            parts["sketches"].append(_sketches(batch.key, batch.sketches))
        if batch.examples.rows:
            parts["examples"].extend(_examples(batch.key, batch.examples))
        parts["observations"].append(_observations(batch, entry.received_ns, sources))
    return {
        name: pa.concat_tables(tables) if tables else SCHEMAS[name].empty_table()
        for name, tables in parts.items()
    }


def rows(batch: Batch) -> int:
    """How many rows a batch brings to all tables together."""
    others = batch.detections.rows + batch.quoted.rows + batch.sketches.rows + batch.examples.rows
    return sum(columns.rows for columns in _all_tuples(batch)) + others + len(batch.spans)


def packets(batch: Batch) -> int:
    """The packets of a batch's tuples, modulo 2**63: what the ledger keeps, and `check` compares."""
    return sum(_total(columns.packets) for columns in _all_tuples(batch)) & (2**63 - 1)


def last_minute(batch: Batch) -> int:
    """The latest minute of a batch's rows; -1 without rows."""
    return max((pc.max(_numbers(column, "I")).as_py() for column in minutes(batch) if column), default=-1)


def days(batch: Batch) -> int:
    """How many different days (UTC) a batch's rows fall into."""
    numbers = pa.chunked_array([_numbers(column, "I") for column in minutes(batch)])
    return len(pc.unique(pc.divide(numbers, pa.scalar(MINUTES_A_DAY, pa.uint32()))))


def minutes(batch: Batch) -> tuple[bytes, ...]:
    """The columns of minutes of a batch's rows, in every table."""
    of_tuples = (columns.minute for columns in _all_tuples(batch))
    others = (batch.detections, batch.quoted, batch.sketches, batch.examples)
    return (*of_tuples, *(columns.minute for columns in others))


def _all_tuples(batch: Batch) -> tuple[TupleColumns, ...]:
    return (batch.ipv4, batch.ipv6, batch.merged_ipv4, batch.merged_ipv6)


def _total(column: bytes) -> int:
    # Halves: 2**20 values of 64 bits overflow a sum of 64, values of 32 do not.
    values = _numbers(column, "Q")
    low = pc.sum(pc.bit_wise_and(values, pa.scalar(0xFFFF_FFFF, pa.uint64()))).as_py()
    high = pc.sum(pc.shift_right(values, pa.scalar(32, pa.uint64()))).as_py()
    return int(low or 0) + (int(high or 0) << 32)


_ARROW: Final = {"B": pa.uint8(), "H": pa.uint16(), "I": pa.uint32(), "Q": pa.uint64()}


def _numbers(column: bytes, kind: str, *, order: str = "little") -> pa.Array[Any]:
    """A column of unsigned numbers (`kind` as `array` names them), not copied if in the machine's order."""
    values: bytes | array[int] = column
    if order != sys.byteorder and kind != "B":
        values = array(kind, column)
        values.byteswap()
    width = _ARROW[kind].bit_width // 8
    return pa.Array.from_buffers(_ARROW[kind], len(column) // width, [None, pa.py_buffer(values)])


def _signed(column: bytes) -> pa.Array[Any]:
    """A column of 64-bit numbers, read as signed."""
    unsigned = _numbers(column, "Q")
    return unsigned.view(pa.int64())


def _halves(addresses: bytes, family: Family) -> tuple[pa.Array[Any], pa.Array[Any]]:
    """The high and the low half of addresses in network order."""
    if family is Family.IPV4:
        low = _numbers(addresses, "I", order="big").cast(pa.int64())
        return _constant(0, len(low), pa.int64()), low
    words = _numbers(addresses, "Q", order="big").view(pa.int64())
    pairs = pa.FixedSizeListArray.from_arrays(words, 2)
    return pc.list_element(pairs, 0), pc.list_element(pairs, 1)


def _constant(value: object, count: int, kind: pa.DataType) -> pa.Array[Any]:
    repeated: pa.Array[Any] = pa.repeat(pa.scalar(value, kind), count)  # type: ignore[call-overload]
    return repeated


def _binary(addresses: bytes, width: int) -> pa.Array[Any]:
    return pa.Array.from_buffers(pa.binary(width), len(addresses) // width, [None, pa.py_buffer(addresses)])


def _day(minutes: pa.Array[Any]) -> pa.Array[Any]:
    return pc.divide(minutes, pa.scalar(MINUTES_A_DAY, pa.int32())).view(pa.date32())


def _of_batch(key: BatchKey, count: int) -> dict[str, pa.Array[Any]]:
    return {
        "sensor": _constant(key.sensor, count, pa.string()),
        "epoch": _constant(key.epoch, count, pa.int64()),
        "sequence": _constant(key.sequence, count, pa.int32()),
    }


def _of_addresses(
    source: bytes, address: bytes, family: Family, sources: Sources
) -> dict[str, pa.Array[Any]]:
    source_high, source_low = _halves(source, family)
    address_high, address_low = _halves(address, family)
    binary = _binary(source, family.address_bytes)
    return {
        "family": _constant(int(family), len(binary), pa.int8()),
        "source_high": source_high,
        "source_low": source_low,
        "address_high": address_high,
        "address_low": address_low,
        "country": sources.countries(binary),
        "asn": sources.networks(binary),
    }


def _key(form: pa.Array[Any], value: pa.Array[Any]) -> pa.Array[Any]:
    """The keys' texts; each distinct one is written once."""
    codes = pc.add(pc.multiply(form.cast(pa.int32()), pa.scalar(1 << 16, pa.int32())), value)
    encoded = codes.dictionary_encode()
    distinct = cast("list[int]", encoded.dictionary.to_pylist())
    texts = [key_text(code >> 16, code & 0xFFFF) for code in distinct]
    return pc.take(pa.array(texts, pa.string()), encoded.indices)


def _table(columns: Mapping[str, pa.Array[Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _tuples(key: BatchKey, columns: TupleColumns, sources: Sources) -> pa.Table:
    minute = _numbers(columns.minute, "I").cast(pa.int32())
    form = _numbers(columns.form, "B").cast(pa.int8())
    value = _numbers(columns.value, "H").cast(pa.int32())
    addresses = _of_addresses(columns.source, columns.address, columns.family, sources)
    if columns.merged:
        # Sources that a sensor gave up are unknown, not 0.0.0.0.
        for name in ("source_high", "source_low", "country", "asn"):
            addresses[name] = pa.nulls(columns.rows, TUPLES.field(name).type)
    return _table(
        {
            "day": _day(minute),
            "minute": minute,
            **_of_batch(key, columns.rows),
            **addresses,
            "key": _key(form, value),
            "form": form,
            "value": value,
            "source_port": _numbers(columns.source_port, "H").cast(pa.int32()),
            "flags": _numbers(columns.flags, "B").cast(pa.int16()),
            "class": _numbers(columns.class_, "B").cast(pa.int8()),
            "tool": _numbers(columns.tool, "B").cast(pa.int8()),
            "packets": _signed(columns.packets),
            "bytes": _signed(columns.bytes_),
        },
        TUPLES,
    )


def _detections(key: BatchKey, columns: DetectionColumns, sources: Sources) -> Iterable[pa.Table]:
    """One table a family, because addresses of the two differ in length."""
    families = _numbers(columns.family, "B")
    for family in Family:
        chosen = pc.equal(families, pa.scalar(int(family), pa.uint8()))
        minute = _numbers(columns.minute, "I").cast(pa.int32()).filter(chosen)
        if not len(minute):
            continue
        source, address = (
            _only(_binary(column, 16).filter(chosen), family) for column in (columns.source, columns.address)
        )
        yield _table(
            {
                "day": _day(minute),
                "minute": minute,
                **_of_batch(key, len(minute)),
                **_of_addresses(source, address, family, sources),
                "signature": _numbers(columns.signature, "I").cast(pa.int64()).filter(chosen),
                "count": _signed(columns.count).filter(chosen),
            },
            DETECTIONS,
        )


def _examples(key: BatchKey, columns: ExampleColumns) -> Iterable[pa.Table]:
    """One table a family, because addresses of the two differ in length."""
    families = _numbers(columns.family, "B")
    payloads = [columns.payload[at * EXAMPLE_BYTES :][:length] for at, length in enumerate(columns.length)]
    for family in Family:
        chosen = pc.equal(families, pa.scalar(int(family), pa.uint8()))
        minute = _numbers(columns.minute, "I").cast(pa.int32()).filter(chosen)
        if not len(minute):
            continue
        source_high, source_low = _halves(_only(_binary(columns.source, 16).filter(chosen), family), family)
        yield _table(
            {
                "day": _day(minute),
                "minute": minute,
                **_of_batch(key, len(minute)),
                "family": _constant(int(family), len(minute), pa.int8()),
                "source_high": source_high,
                "source_low": source_low,
                "signature": _numbers(columns.signature, "I").cast(pa.int64()).filter(chosen),
                "payload": pa.array(payloads, pa.binary()).filter(chosen),
            },
            EXAMPLES,
        )


def _quoted(key: BatchKey, columns: QuotedColumns, sources: Sources) -> Iterable[pa.Table]:
    """One table a family; country and network are the victim's."""
    families = _numbers(columns.family, "B")
    for family in Family:
        chosen = pc.equal(families, pa.scalar(int(family), pa.uint8()))
        minute = _numbers(columns.minute, "I").cast(pa.int32()).filter(chosen)
        if not len(minute):
            continue
        source, address, victim = (
            _only(_binary(column, 16).filter(chosen), family)
            for column in (columns.source, columns.address, columns.victim)
        )
        of_victim = _of_addresses(victim, address, family, sources)
        source_high, source_low = _halves(source, family)
        yield _table(
            {
                "day": _day(minute),
                "minute": minute,
                **_of_batch(key, len(minute)),
                **of_victim,
                "source_high": source_high,
                "source_low": source_low,
                "type": _numbers(columns.type_, "B").cast(pa.int16()).filter(chosen),
                "code": _numbers(columns.code, "B").cast(pa.int16()).filter(chosen),
                "protocol": _numbers(columns.protocol, "B").cast(pa.int16()).filter(chosen),
                "victim_high": of_victim["source_high"],
                "victim_low": of_victim["source_low"],
                "victim_port": _numbers(columns.victim_port, "H").cast(pa.int32()).filter(chosen),
                "packets": _signed(columns.packets).filter(chosen),
            },
            QUOTED,
        )


def _sketches(key: BatchKey, columns: SketchColumns) -> pa.Table:
    """Sketches with the texts of their keys; null for the one that other keys share."""
    minute = _numbers(columns.minute, "I").cast(pa.int32())
    form = _numbers(columns.form, "B").cast(pa.int8())
    value = _numbers(columns.value, "H").cast(pa.int32())
    texts = [
        key_text(one, int.from_bytes(columns.value[2 * row : 2 * row + 2], "little")) if one else None
        for row, one in enumerate(columns.form)
    ]
    return _table(
        {
            "day": _day(minute),
            "minute": minute,
            **_of_batch(key, columns.rows),
            "family": _numbers(columns.family, "B").cast(pa.int8()),
            "key": pa.array(texts, pa.string()),
            "form": form,
            "value": value,
            "registers": _binary(columns.registers, SKETCH_REGISTERS).cast(pa.binary()),
        },
        SKETCHES,
    )


def _only(addresses: pa.Array[Any], family: Family) -> bytes:
    """Addresses of 16 bytes as bytes of their family's own length."""
    width = family.address_bytes
    whole = cast("list[bytes]", addresses.to_pylist())
    return b"".join(address[-width:] for address in whole)


def _observations(batch: Batch, received_ns: int, sources: Sources) -> pa.Table:
    counters = batch.counters
    malformed = sum(count for name, count in counters.items() if name.startswith("malformed."))
    sums = {
        name: counters.get(name, 0)
        for name in ("packets", "bytes", "counted", "not_monitored", "outside_span")
    }
    count = len(batch.spans)
    rest = [0] * (count - 1)
    starts = [span.start_ns for span in batch.spans]
    return _table(
        {
            "day": pa.array([start // DAY_NS for start in starts], pa.int32()).view(pa.date32()),
            **_of_batch(batch.key, count),
            "start_ns": pa.array(starts, pa.int64()),
            "end_ns": pa.array([span.end_ns for span in batch.spans], pa.int64()),
            **{name: pa.array([total, *rest], pa.int64()) for name, total in sums.items()},
            # Sums of 512 counters of 63 bits could overflow; such a batch counts nothing real.
            "malformed": pa.array([min(malformed, 2**63 - 1), *rest], pa.int64()),
            "counters": pa.array(
                [json.dumps(dict(counters), sort_keys=True), *("{}" for _ in rest)], pa.string()
            ),
            "steps": pa.array([_steps(batch), *("[]" for _ in rest)], pa.string()),
            "received_ns": _constant(received_ns, count, pa.int64()),
            "country_database": _constant(sources.country_database, count, pa.string()),
            "network_database": _constant(sources.network_database, count, pa.string()),
        },
        OBSERVATIONS,
    )


def _steps(batch: Batch) -> str:
    """What the sensor gave up and when, as JSON: [[step, start, end], ...]."""
    return json.dumps([[int(held.step), held.start_ns, held.end_ns] for held in batch.steps])
