"""Two months of made-up tuples, written straight through the store's tables: what a report is measured on.

Sixty-two days in Tokyo, 64 sensors of 16 addresses with a span a minute, ports by Zipf's law, a source for
every 15 tuples, a tenth of the tuples backscatter. Source and port of a tuple have nothing to do with one
another, so that hardly two tuples share both: nothing sums up, which is harder than any real month. The same
number of rows gives the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from teiten_collector.store.facts import OBSERVATIONS, SCHEMAS, TUPLES
from teiten_collector.store.tables import Tables
from teiten_protocol import Form, key_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from teiten_collector.store import Store

    Column = pa.Array[Any]

SENSORS = 64
ADDRESSES = 16
DAYS = 62
START_MINUTE = 1_246_374_000 // 60
"""2009-07-01 00:00 +09:00."""
_COUNTRIES = ("CN", "JP", "US", "RU", "TW", "BR", "KR", "DE", "IN", "IT", "PL", "HK", "FR", "TH", "TR")
_DAY_MINUTES = 1440
_MINUTE_NS = 60 * 10**9


@dataclass(frozen=True, slots=True)
class Size:
    """How much is written."""

    rows: int

    @property
    def sources(self) -> int:
        """How many sources send."""
        return max(self.rows // 15, 1)


def write_months(store: Store, size: Size) -> None:
    """Registers the sensors and writes the rows, a commit a day."""
    for number in range(SENSORS):
        store.registry.add(sensor_id(number), [f"10.{number}.0.0/28"], ["access"])
    tables = Tables(store.directory / "tables")
    tables.prepare()
    chance = np.random.default_rng(200_908)
    for day in range(DAYS):
        rows = size.rows * (day + 1) // DAYS - size.rows * day // DAYS
        start = START_MINUTE + day * _DAY_MINUTES
        facts = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        facts["tuples"] = _tuples(chance, rows, start, start + _DAY_MINUTES, size.sources)
        facts["observations"] = _observations(start, day)
        for _ in tables.append("stored-months", day + 1, facts):
            pass
        tables.publish()


def sensor_id(number: int) -> str:
    """A sensor's id."""
    return f"sensor-{number:02}"


def _tuples(chance: np.random.Generator, rows: int, start: int, end: int, sources: int) -> pa.Table:
    minute = np.sort(chance.integers(start, max(end, start + 1), rows, dtype=np.int32))
    sensor = chance.integers(0, SENSORS, rows)
    source = (chance.integers(0, sources, rows) * 2_654_435_761) % (1 << 32)
    port = (chance.zipf(1.25, rows) * 7919) % 65_536
    backscatter = chance.random(rows) < 0.1
    country = np.minimum((source % 4096) // 256, len(_COUNTRIES) - 1)
    codes, inverse = np.unique(port, return_inverse=True)
    texts = [key_text(Form.TCP, int(code)) for code in codes]
    columns = {
        "day": pa.array(minute // 1440, pa.int32()).view(pa.date32()),
        "minute": pa.array(minute),
        "sensor": _of([sensor_id(number) for number in range(SENSORS)], sensor),
        "epoch": _constant(1, rows, pa.int64()),
        "sequence": _constant(start, rows, pa.int32()),
        "family": _constant(4, rows, pa.int8()),
        "source_high": _constant(0, rows, pa.int64()),
        "source_low": pa.array(source),
        "address_high": _constant(0, rows, pa.int64()),
        "address_low": pa.array(
            int(IPv4Address("10.0.0.0")) + (sensor << 16) + chance.integers(0, ADDRESSES, rows)
        ),
        "key": _of(texts, inverse),
        "form": _constant(int(Form.TCP), rows, pa.int8()),
        "value": pa.array(port.astype(np.int32)),
        "source_port": pa.array(np.where(backscatter, 80, 1024 + source % 60_000).astype(np.int32)),
        "flags": pa.array(np.where(backscatter, 18, 2).astype(np.int16)),
        "class": pa.array(np.where(backscatter, 2, 1).astype(np.int8)),
        "tool": pa.array((source % 8 == 0).astype(np.int8)),
        "packets": pa.array(_packets(chance, rows)),
        "bytes": _constant(40, rows, pa.int64()),
        "country": _of(_COUNTRIES, country),
        "asn": pa.nulls(rows, pa.int64()),
    }
    return pa.Table.from_arrays([columns[name] for name in TUPLES.names], schema=TUPLES)


def _packets(chance: np.random.Generator, rows: int) -> npt.NDArray[np.int64]:
    return chance.geometric(0.8, rows).astype(np.int64)


def _observations(start: int, day: int) -> pa.Table:
    """A span a minute of each sensor."""
    count = SENSORS * _DAY_MINUTES
    minute = np.arange(start, start + _DAY_MINUTES, dtype=np.int64).repeat(SENSORS)
    columns: dict[str, Column] = {
        "day": pa.array((minute // _DAY_MINUTES).astype(np.int32), pa.int32()).view(pa.date32()),
        "sensor": _of(
            [sensor_id(number) for number in range(SENSORS)], np.tile(np.arange(SENSORS), _DAY_MINUTES)
        ),
        "epoch": _constant(1, count, pa.int64()),
        "sequence": pa.array((minute - start + day * _DAY_MINUTES).astype(np.int32)),
        "start_ns": pa.array(minute * _MINUTE_NS),
        "end_ns": pa.array((minute + 1) * _MINUTE_NS),
        "counters": _constant("{}", count, pa.string()),
        "steps": _constant("[]", count, pa.string()),
        "country_database": _constant("made up", count, pa.string()),
        "network_database": _constant("", count, pa.string()),
    }
    nothing = _constant(0, count, pa.int64())
    return pa.Table.from_arrays(
        [columns.get(name, nothing) for name in OBSERVATIONS.names], schema=OBSERVATIONS
    )


def _constant(value: object, count: int, kind: pa.DataType) -> Column:
    return pa.array(np.full(count, value).tolist() if isinstance(value, str) else np.full(count, value), kind)


def _of(texts: Sequence[str], places: npt.NDArray[Any]) -> Column:
    """The text at each place."""
    indices = pa.array(places.astype(np.int32), pa.int32())
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts)).cast(pa.string())
