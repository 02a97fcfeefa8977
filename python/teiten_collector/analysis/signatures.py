"""What signatures detected: by category, by country, by signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from teiten_collector.analysis.calendar import Calendar, calendar
from teiten_collector.analysis.exposure import Exposure, daily_exposure, exposure, observed_stretches
from teiten_collector.analysis.ranks import Figure, Row, compare, rank_rows
from teiten_collector.analysis.scope import Scope
from teiten_collector.analysis.statements import DETECTED
from teiten_collector.analysis.surveys import TOTAL, WithoutSurveys
from teiten_collector.analysis.tallies import encoded, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from teiten_collector.analysis.categories import Signature, Signatures
    from teiten_collector.analysis.periods import Period
    from teiten_collector.analysis.survey_scanners import SurveyScanners
    from teiten_collector.analysis.tallies import Source
    from teiten_collector.store import Engine, Sensor
    from teiten_protocol import Family


@dataclass(frozen=True, slots=True)
class Detected:
    """The detections of one period.

    Attributes:
        calendar: Its days.
        daily: Columns local_day, signature (text), category, country, source_high, source_low, packets (here:
            detections, decimal), scanner (operator of the survey scanner that sent it, else null).
    """

    calendar: Calendar
    daily: pa.Table

    def figures(self, *columns: str) -> dict[str, Figure]:
        """Detections and distinct sources by one column; of everything, under an empty name, without one."""
        grouped = self.daily.group_by([*columns, "source_high", "source_low"], use_threads=False).aggregate(
            [("packets", "sum")]
        )
        if not columns:
            total = pc.sum(grouped["packets_sum"]).as_py() or 0
            return {"": Figure(int(total), grouped.num_rows)}
        again = grouped.group_by(list(columns), use_threads=False).aggregate(
            [("packets_sum", "sum"), ([], "count_all")]
        )
        return {
            str(name): Figure(int(packets), sources)
            for name, packets, sources in zip(
                *(again[name].to_pylist() for name in (columns[0], "packets_sum_sum", "count_all")),
                strict=True,
            )
        }

    def without_surveys(self) -> Detected:
        """The detections of sources that are no known survey scanners."""
        return Detected(self.calendar, self.daily.filter(pc.is_null(self.daily["scanner"])))

    def surveys(self) -> dict[str, Figure]:
        """Detections and distinct sources by operator of survey scanners."""
        return Detected(self.calendar, self.daily.filter(pc.is_valid(self.daily["scanner"]))).figures(
            "scanner"
        )

    def pairs(self, first: str, second: str) -> dict[tuple[object, ...], int]:
        """Detections by two columns."""
        grouped = self.daily.group_by([first, second], use_threads=False).aggregate([("packets", "sum")])
        names = zip(grouped[first].to_pylist(), grouped[second].to_pylist(), strict=True)
        return dict(zip(names, whole(grouped["packets_sum"]), strict=True))

    def rows(self, column: str, subject: str) -> list[dict[str, object]]:
        """The rows of one value of a column."""
        found: list[dict[str, object]] = self._of(column, subject).to_pylist()
        return found

    def _of(self, column: str, subject: str) -> pa.Table:
        return self.daily.filter(pc.equal(self.daily[column], pa.scalar(subject)))

    def by_source(self, column: str, subject: str) -> dict[Source, tuple[str, int]]:
        """Country and detections of each source, of one value of a column."""
        grouped = (
            self._of(column, subject)
            .group_by(["source_high", "source_low"], use_threads=False)
            .aggregate([("packets", "sum"), ("country", "min")])
        )
        return {
            (high, low): (country, int(packets))
            for high, low, country, packets in zip(
                *(
                    grouped[name].to_pylist()
                    for name in ("source_high", "source_low", "country_min", "packets_sum")
                ),
                strict=True,
            )
        }


@dataclass(frozen=True, slots=True)
class Detections:
    """The detections of two periods to monitored addresses of one family, compared.

    Attributes:
        family: Which addresses.
        current: What was observed of the period.
        previous: What was observed of the compared period.
        current_days: Address-days or prefix-days of each day of the period.
        total: Every detection.
        categories: A row for each category, in order of rank; one that had none in either period too, last.
        countries: A row for each country of a source.
        signatures: A row for each signature; `key` is its number.
        known: What is known of the signatures in `signatures`, by number as text.
        without_surveys: The same rows without what known survey scanners set off: `categories`, `countries`
            and `signatures`.
        now: The period's detections.
        then: The compared period's.
    """

    family: Family
    current: Exposure
    previous: Exposure
    current_days: tuple[float, ...]
    total: Row
    categories: tuple[Row, ...]
    countries: tuple[Row, ...]
    signatures: tuple[Row, ...]
    known: Mapping[str, Signature]
    without_surveys: WithoutSurveys
    now: Detected
    then: Detected


def detections(  # noqa: PLR0913, PLR0917 - the same question as of accesses, and what is known of signatures
    engine: Engine,
    sensors: Sequence[Sensor],
    family: Family,
    current: Period,
    previous: Period,
    signatures: Signatures,
    scanners: SurveyScanners,
) -> Detections:
    """Counts and compares the detections of two periods."""
    chosen = tuple(sensors)
    stretches = [observed_stretches(engine, period, chosen) for period in (current, previous)]
    observed = [
        exposure(found, period, chosen, family)
        for found, period in zip(stretches, (current, previous), strict=True)
    ]
    now, then = (
        _detected(engine, Scope(chosen, family, period), signatures, scanners)
        for period in (current, previous)
    )
    days = (observed[0].days, observed[1].days)

    nothing = {category.id: Figure(0, 0) for category in signatures.categories}

    def rows(column: str, both: tuple[Detected, Detected]) -> tuple[Row, ...]:
        always = nothing if column == "category" else {}
        return rank_rows(always | both[0].figures(column), always | both[1].figures(column), *days)

    def total(both: tuple[Detected, Detected]) -> Row:
        return compare(TOTAL, both[0].figures()[""], both[1].figures()[""], *days)

    tables = {"categories": "category", "countries": "country", "signatures": "signature"}
    scanned = rank_rows(now.surveys(), then.surveys(), *days)
    rest = (now.without_surveys(), then.without_surveys())
    by_signature = rows("signature", (now, then))
    return Detections(
        family=family,
        current=observed[0],
        previous=observed[1],
        current_days=daily_exposure(stretches[0], current, chosen, family),
        total=total((now, then)),
        categories=rows("category", (now, then)),
        countries=rows("country", (now, then)),
        signatures=by_signature,
        known={row.key: signatures.signature(int(row.key)) for row in by_signature},
        without_surveys=WithoutSurveys(
            scanned, total(rest), {name: rows(column, rest) for name, column in tables.items() if scanned}
        ),
        now=now,
        then=then,
    )


_EMPTY_FIELDS: list[pa.Field[Any]] = [
    pa.field("local_day", pa.int32()),
    pa.field("signature", pa.int64()),
    pa.field("country", pa.string()),
    pa.field("source_high", pa.int64()),
    pa.field("source_low", pa.int64()),
    pa.field("packets", pa.decimal128(38, 0)),
]
_EMPTY = pa.schema(_EMPTY_FIELDS)
_HALF = (1 << 64) - 1


def _detected(engine: Engine, scope: Scope, signatures: Signatures, scanners: SurveyScanners) -> Detected:
    days = calendar(scope.period)
    table = _EMPTY.empty_table()
    if scope.sensors:
        table = engine.rollup(
            DETECTED, [days.slot_minutes, *scope.parameters], scope.days, tables={"calendar": days.table}
        )
    distinct, places = encoded(table["signature"])
    categories = pa.array([signatures.signature(sid).category for sid in distinct], pa.string())
    texts = pa.array([str(sid) for sid in distinct], pa.string())
    daily = table.set_column(1, "signature", pc.take(texts, places)).append_column(
        "category", pc.take(categories, places)
    )
    return Detected(days, daily.append_column("scanner", _scanners(daily, scope.family, scanners)))


def _scanners(daily: pa.Table, family: Family, scanners: SurveyScanners) -> pa.Array[Any]:
    """The operator of each row's source, null where it is no survey scanner."""
    pairs: Iterable[tuple[Any, Any]] = zip(
        daily["source_high"].to_pylist(), daily["source_low"].to_pylist(), strict=True
    )
    known: dict[tuple[int, int], str | None] = {}
    operators = []
    for high, low in pairs:
        if (high, low) not in known:
            known[high, low] = scanners.operator_of((high & _HALF) << 64 | low & _HALF, family)
        operators.append(known[high, low])
    return pa.array(operators, pa.string())
