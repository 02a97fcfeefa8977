"""The accesses of one period, tallied: the ground of tables, series and findings.

A tally holds packets by (day, key, country, class, tool), how many distinct sources each key and country had,
and the sources that sent much of one. The second grows with keys and countries, never with tuples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from teiten_collector.analysis.calendar import Calendar, calendar, single_days
from teiten_collector.analysis.merged_sources import MergedSources, merged_sources
from teiten_collector.analysis.scope import Scope
from teiten_collector.analysis.statements import COUNTS, SOURCES, for_family
from teiten_protocol import Class, key_text, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from teiten_collector.store import Engine

HEAVY_SHARE = 0.05
"""From this share of a key's or a country's packets on, a source is looked at by itself."""
HEAVY_PACKETS = 20
"""And from so many packets on: fewer explain nothing."""

HEAVY_KEYS = 500
"""Of so many leading keys: what comes behind them moves no total."""

Source = tuple[int, int]
"""A source address: high and low half as the tables hold them."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one source sent of a key or a country.

    Attributes:
        source: Who.
        country: Its country; ZZ is unknown.
        packets: Packets of the key or country.
        backscatter: How many of them were backscatter.
    """

    source: Source
    country: str
    packets: int
    backscatter: int


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Distinct sources.

    Attributes:
        total: Of anything; those in `merged` are in it.
        keys: Of each key; those in `merged` are in it.
        countries: Of each country.
        backscatter_countries: Of each country, those that sent backscatter.
        heavy_keys: The sources that sent much of a key, by key.
        heavy_countries: The same by country.
        merged: Estimates of the sources that sensors gave up in floods.
    """

    total: int
    keys: Mapping[str, int]
    countries: Mapping[str, int]
    backscatter_countries: Mapping[str, int]
    heavy_keys: Mapping[str, tuple[Share, ...]]
    heavy_countries: Mapping[str, tuple[Share, ...]]
    merged: MergedSources = field(default_factory=lambda: MergedSources(0, {}))

    def is_estimate(self, key: str | None = None) -> bool:
        """Whether a key's number (without one the total) holds an estimate, and is an upper one."""
        return self.merged.total > 0 if key is None else key in self.merged.keys


@dataclass(frozen=True)
class Tally:
    """The accesses of a scope.

    Attributes:
        scope: Whose and when.
        calendar: The days of its period.
        daily: Columns local_day, key, country, class, tool, packets (decimal).
        sources: Distinct sources, and heavy ones.
    """

    scope: Scope
    calendar: Calendar
    daily: pa.Table
    sources: SourceCounts

    def by(self, *columns: str, class_: Class | None = None) -> dict[tuple[object, ...], int]:
        """Packets grouped by columns of `daily`; exact."""
        return sums(self.daily if class_ is None else self.of("class", int(class_)), columns)

    def of(self, column: str, *values: object) -> pa.Table:
        """The rows of `daily` with one of some values in a column."""
        found = self.daily[column].combine_chunks()
        if isinstance(found, pa.DictionaryArray):
            among = pc.is_in(found.dictionary, value_set=pa.array(list(values), found.dictionary.type))
            return self.daily.filter(pc.take(among, found.indices))
        return self.daily.filter(pc.is_in(found, value_set=pa.array(list(values), found.type)))

    def by_one(self, column: str, class_: Class | None = None) -> dict[str, int]:
        """Packets grouped by one column of texts; exact."""
        return {str(values[0]): packets for values, packets in self.by(column, class_=class_).items()}

    @cached_property
    def total(self) -> int:
        """Every packet; exact."""
        found = pc.sum(self.daily["packets"]).as_py()
        return int(found or 0)

    @cached_property
    def key_days(self) -> KeyDays:
        """Packets of every key on every day."""
        names, places = encoded(self.daily["key"])
        found = np.zeros((len(names), len(self.calendar.days)))
        packets = self.daily["packets"].cast(pa.float64()).to_numpy()
        np.add.at(found, (places.to_numpy(), self.daily["local_day"].to_numpy()), packets)
        return KeyDays(names, found)


@dataclass(frozen=True, slots=True)
class KeyDays:
    """Packets by key (rows) and day (columns)."""

    keys: tuple[str, ...]
    packets: npt.NDArray[np.float64]

    def of(self, key: str) -> npt.NDArray[np.float64]:
        """The days of one key; nothing where it was not seen."""
        if key not in self.keys:
            return np.zeros(self.packets.shape[1])
        row: npt.NDArray[np.float64] = self.packets[self.keys.index(key)]
        return row


def tally(engine: Engine, scope: Scope) -> Tally:
    """Counts what a scope has."""
    days = calendar(scope.period)
    if not scope.sensors:
        return Tally(scope, days, _named_keys(_EMPTY.empty_table()), SourceCounts(0, {}, {}, {}, {}, {}))
    daily = _named_keys(pa.concat_tables(_counts(engine, scope)).combine_chunks())
    return Tally(scope, days, daily, _sources(engine, scope, daily))


def _counts(engine: Engine, scope: Scope) -> Iterator[pa.Table]:
    """The counts of each day, which stand for themselves: a day that is over is counted once."""
    yield _EMPTY.empty_table()
    present = set(engine.days_of("tuples"))
    for number, day in enumerate(single_days(scope.period)):
        of_day = Scope(scope.sensors, scope.family, day)
        if present.isdisjoint({of_day.days.first, of_day.days.last}):
            continue
        parameters = of_day.parameters
        del parameters[4]  # both families together
        found = engine.rollup(COUNTS, parameters, of_day.days)
        found = found.filter(pc.equal(found["family"], pa.scalar(int(scope.family), pa.int8())))
        days = pa.repeat(pa.scalar(number, pa.int32()), found.num_rows)
        yield found.set_column(0, "local_day", days).cast(_EMPTY)


_EMPTY_FIELDS: list[pa.Field[Any]] = [
    pa.field("local_day", pa.int32()),
    pa.field("code", pa.int32()),
    pa.field("country", pa.string()),
    pa.field("class", pa.int8()),
    pa.field("tool", pa.int8()),
    pa.field("packets", pa.decimal128(38, 0)),
]
_EMPTY = pa.schema(_EMPTY_FIELDS)


def key_code(key: str) -> int:
    """A key as the statements number it."""
    form, value = parse_key(key)
    return int(form) * 65_536 + value


@cache
def code_key(code: int) -> str:
    """A key's text by its number."""
    return key_text(code >> 16, code & 0xFFFF)


def encoded(column: pa.ChunkedArray[Any]) -> tuple[tuple[Any, ...], pa.Array[Any]]:
    """A column's distinct values, and which of them stands in each row."""
    array = column.combine_chunks()
    if not isinstance(array, pa.DictionaryArray):
        array = array.dictionary_encode()
    return tuple(array.dictionary.to_pylist()), array.indices


def _named_keys(table: pa.Table) -> pa.Table:
    """The table with `key`, a dictionary of texts, in the place of `code`."""
    codes, places = encoded(table["code"])
    keys = pa.DictionaryArray.from_arrays(places, pa.array([code_key(code) for code in codes], pa.string()))
    return table.set_column(table.schema.get_field_index("code"), "key", keys)


def sums(table: pa.Table, columns: tuple[str, ...]) -> dict[tuple[object, ...], int]:
    """Packets of a table grouped by columns; exact."""
    grouped = table.group_by(list(columns)).aggregate([("packets", "sum")])
    values = [grouped[column].to_pylist() for column in columns]
    return dict(zip(zip(*values, strict=True), whole(grouped["packets_sum"]), strict=True))


def whole(column: pa.ChunkedArray[Any]) -> list[int]:
    """A column of decimals without a fraction, as numbers."""
    return [int(value) for value in column.to_pylist() if value is not None]


def _sources(engine: Engine, scope: Scope, daily: pa.Table) -> SourceCounts:
    floors = {
        "key_floors": _key_floors(daily),
        "country_floors": _country_floors(daily),
    }
    rows = engine.rollup(
        for_family(SOURCES, scope.family), scope.parameters, scope.days, tables=floors
    ).to_pylist()
    total = 0
    keys: dict[str, int] = {}
    countries: dict[str, int] = {}
    backscatter: dict[str, int] = {}
    heavy_keys: dict[str, list[Share]] = {}
    heavy_countries: dict[str, list[Share]] = {}
    for row in rows:
        packets, replies = int(row["packets"]), int(row["backscatter"])
        share = Share((row["source_high"], row["source_low"]), row["country"], packets, replies)
        match row["kind"]:
            case "total":
                total = packets
            case "key":
                keys[code_key(row["code"])] = packets
            case "country":
                countries[row["country"]] = packets
                backscatter[row["country"]] = replies
            case "heavy-key":
                heavy_keys.setdefault(code_key(row["code"]), []).append(share)
            case _:
                heavy_countries.setdefault(row["country"], []).append(share)
    merged = merged_sources(engine, scope)
    for key, sources in merged.keys.items():
        keys[key] = keys.get(key, 0) + sources
    return SourceCounts(
        total + merged.total,
        keys,
        countries,
        backscatter,
        _falling(heavy_keys),
        _falling(heavy_countries),
        merged,
    )


def _falling(shares: Mapping[str, list[Share]]) -> dict[str, tuple[Share, ...]]:
    return {
        subject: tuple(sorted(found, key=lambda share: (-share.packets, share.source)))
        for subject, found in shares.items()
    }


def _floor(packets: int) -> int:
    # What a hostile row can take beyond 64 bits is capped: a floor only has to be beyond any source's sum.
    return min(max(ceil(packets * HEAVY_SHARE), HEAVY_PACKETS), 2**62)


def _key_floors(daily: pa.Table) -> pa.Table:
    counts = {str(key): packets for (key,), packets in sums(daily, ("key",)).items()}
    leading = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:HEAVY_KEYS]
    wanted = {key_code(key): _floor(packets) for key, packets in leading if packets >= HEAVY_PACKETS}
    return pa.table(
        {
            "code": pa.array(list(wanted), pa.int32()),
            "floor": pa.array(list(wanted.values()), pa.int64()),
        }
    )


def _country_floors(daily: pa.Table) -> pa.Table:
    every = {str(code): packets for (code,), packets in sums(daily, ("country",)).items()}
    replies = daily.filter(pc.equal(daily["class"], pa.scalar(int(Class.BACKSCATTER), pa.int8())))
    backscatter = {str(code): packets for (code,), packets in sums(replies, ("country",)).items()}
    return pa.table(
        {
            "country": pa.array(list(every), pa.string()),
            "floor": pa.array([_floor(packets) for packets in every.values()], pa.int64()),
            "backscatter_floor": pa.array([_floor(backscatter.get(code, 0)) for code in every], pa.int64()),
        }
    )
