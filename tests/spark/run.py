"""Every statement of the report, on DuckDB and on Spark, compared row by row: `python -m tests.spark.run`.

A store with rows of every kind is asked for its report and its exports. Each statement, with its parameters
and the caller's tables, is asked again of a Spark of two workers, over the same files. Exit code 1: an answer
differs, or a statement of `teiten_collector.analysis.statements` was never asked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyspark.sql import SparkSession

from teiten_collector.analysis import statements
from teiten_collector.analysis.bulletins import Bulletin
from teiten_collector.analysis.denial_of_service import Thresholds, attacks
from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.provenance import country_databases
from teiten_collector.analysis.scope import Scope
from teiten_collector.analysis.survey_scanners import SurveyNetwork, SurveyScanners
from teiten_collector.export.addresses import Omitted
from teiten_collector.export.rows import rows as exported_rows
from teiten_collector.export.stix import sighted
from teiten_collector.intake import Intake
from teiten_collector.report import CountrySource, Question, build_document
from teiten_collector.store import Days, Engine, Store
from teiten_collector.store.facts import SCHEMAS
from teiten_protocol import Class, Family, Form, Span, Tool, TupleRow
from tests.spark.cluster import LOOPBACK, cluster
from tests.store.building import AUGUST, MINUTE_NS, admit, batch, countries, made_up, tuple4, tuple6

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WORKERS = 2
QUESTIONS = 2
"""So many of each statement: the same for every day of two months would say no more."""
MINUTES_A_DAY = 1440
CHINA = ip_network("61.128.0.0/10")
HOMES = ("CN", "DE")
"""The one has IPv4 sources here, the other IPv6 sources."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement as the report asked it."""

    name: str
    sql: str
    parameters: tuple[object, ...]
    tables: Mapping[str, pa.Table]


class Listening(Engine):
    """The engine, which writes down what it is asked."""

    def __init__(self, directory: Path) -> None:
        """Takes a store's directory."""
        super().__init__(directory, rollups=False)
        self.asked: list[Asked] = []
        self._names = dict(_statements())

    def rollup(
        self,
        sql: str,
        parameters: Sequence[object],
        days: Days,
        *,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """As of every engine."""
        self._heard(sql, parameters, tables)
        return super().rollup(sql, parameters, days, tables=tables)

    def query(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """As of every engine; exports ask so."""
        if sql in self._names and not isinstance(parameters, Mapping):
            self._heard(sql, parameters, tables)
        return super().query(sql, parameters, tables=tables)

    def _heard(self, sql: str, parameters: Sequence[object], tables: Mapping[str, pa.Table] | None) -> None:
        self.asked.append(Asked(self._names[sql], sql, tuple(parameters), dict(tables or {})))


def _statements() -> Iterator[tuple[str, str]]:
    """Every statement by its text, for each family where that makes a difference."""
    for name, text in vars(statements).items():
        if not name.isupper() or name == "SCOPE":
            continue
        if name == "OVERLAPS":  # with a place to be filled: asked as OVERLAPS_WITHIN
            continue
        if text == statements.for_family(text, Family.IPV4):
            yield text, name
        else:
            for family in Family:
                yield statements.for_family(text, family), f"{name} of IPv{int(family)}"


def reflected(row: TupleRow) -> TupleRow:
    """An answer of a name server to a question that somebody else asked in the sensor's name."""
    return replace(
        row, form=Form.UDP, value=40_000, source_port=53, flags=0, class_=Class.REFLECTED, tool=Tool.NONE
    )


def fill(directory: Path) -> None:
    """A month before and a month, with sources that stay, floods and attacks."""
    with Store.open(directory) as store:
        for sensor in ("tokyo-01", "osaka-01"):
            store.registry.add(sensor, ["198.51.100.0/28", "2001:db8::/64"], ["access"])
        for number in range(24):
            sensor = ("tokyo-01", "osaka-01")[number % 2]
            admit(store, made_up(number * MINUTES_A_DAY, sensor=sensor))
        for day in range(-20, 20):
            minute = AUGUST + day * MINUTES_A_DAY
            admit(
                store,
                batch(
                    day + 20,
                    epoch=2,
                    spans=(Span(minute * MINUTE_NS, (minute + 60) * MINUTE_NS),),
                    ipv4=(
                        *(tuple4(minute + place, "61.128.0.9", 445, 40) for place in range(3)),
                        reflected(tuple4(minute, "61.128.0.9", packets=7)),
                    ),
                    ipv6=(tuple6(minute, "2001:db8::99", 50), reflected(tuple6(minute, "2001:db8::99"))),
                ),
            )
        Intake(store, countries(directory), max_group_rows=300).run_once()
        with store.writing_tables() as tables:
            for table, on in tables.files():
                tables.compact(table, on)


def ask(directory: Path) -> tuple[list[Asked], list[pa.Table]]:
    """The report's statements, each with the parameters that gave most rows, and what DuckDB answers."""
    period = parse_period("2009-08", ZoneInfo("Asia/Tokyo"))
    bulletin = Bulletin(id="B", title="b", noticed=None, published=date(2009, 8, 5), keys=("445/TCP",))
    scanners = SurveyScanners(
        (SurveyNetwork(CHINA, "a university"), SurveyNetwork(ip_network("2001:db8::/48"), "a company"))
    )
    with Store.open(directory) as store:
        sensors = store.registry.list()
    with Listening(directory) as engine:
        country_databases(engine, sensors, (period,))
        for home in HOMES:
            question = Question(
                period, period.before(), home_country=home, bulletins=(bulletin,), scanners=scanners
            )
            build_document(engine, sensors, question, CountrySource("", ""))
        for exported in exported_rows(engine, tuple(sensors), period, Omitted()):
            del exported
        sighted(engine, tuple(sensors), period, sources=10)
        attacks(engine, Scope(tuple(sensors), Family.IPV4, period), Thresholds(1, 0, 1))
        answered = [
            (asked, engine.query(asked.sql, asked.parameters, tables=asked.tables))
            for asked in tuple(engine.asked)
        ]
    answered.sort(key=lambda pair: (pair[0].name, -pair[1].num_rows))
    chosen: list[tuple[Asked, pa.Table]] = []
    for name in sorted({asked.name for asked, _ in answered}):
        chosen += [pair for pair in answered if pair[0].name == name][:QUESTIONS]
    return [asked for asked, _ in chosen], [answer for _, answer in chosen]


def tables_of(spark: SparkSession, directory: Path) -> None:
    """The same files under the same names."""
    with Engine(directory) as engine:
        files = engine.files(Days(date.min, date.max))
    for name, schema in SCHEMAS.items():
        place = directory / "tables" / name
        own = [str(file) for file in files if file.is_relative_to(place)]
        if own:
            frame = spark.read.option("basePath", str(place)).parquet(*own)
        else:
            frame = spark.createDataFrame(schema.empty_table())
        frame.createOrReplaceTempView(name)


def on_spark(spark: SparkSession, asked: Asked) -> pa.Table:
    """What Spark answers."""
    for name, table in asked.tables.items():
        spark.createDataFrame(table).createOrReplaceTempView(name)
    found: pa.Table = spark.sql(asked.sql, args=list(asked.parameters)).toArrow()
    return found


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows in their order; bytes as bytes."""
    found: list[dict[str, Any]] = table.to_pylist()
    return [
        {name: bytes(value) if isinstance(value, bytearray) else value for name, value in row.items()}
        for row in found
    ]


def main() -> int:
    """Runs it; 0 where both say the same of everything."""
    os.environ["SPARK_LOCAL_IP"] = LOOPBACK  # the driver's, which is this process
    with TemporaryDirectory(prefix="teiten-spark-") as name:
        directory = Path(name)
        fill(directory / "store")
        asked, answers = ask(directory / "store")
        missing = {name for _, name in _statements()} - {one.name for one in asked}
        with cluster(directory, WORKERS) as url:
            spark = (
                SparkSession.builder.master(url)
                .appName("teiten")
                .config("spark.driver.host", LOOPBACK)
                .config("spark.driver.bindAddress", LOOPBACK)
                .config("spark.driver.memory", "768m")
                .config("spark.executor.memory", "512m")
                .config("spark.ui.enabled", "false")
                .config("spark.ui.showConsoleProgress", "false")
                .config("spark.sql.session.timeZone", "UTC")
                .config("spark.sql.shuffle.partitions", "2")
                .getOrCreate()
            )
            try:
                tables_of(spark, directory / "store")
                differ = [
                    one.name
                    for one, answer in zip(asked, answers, strict=True)
                    if not _same(one, rows(answer), rows(on_spark(spark, one)))
                ]
            finally:
                spark.stop()
    for statement in sorted(missing):
        print(f"never asked: {statement}")
    for statement in differ:
        print(f"differs: {statement}")
    with_rows = {one.name for one, answer in zip(asked, answers, strict=True) if answer.num_rows}
    for statement in sorted({one.name for one in asked} - with_rows):
        print(f"never with rows: {statement}")
    print(f"{len(asked)} questions of {len({one.sql for one in asked})} statements on {WORKERS} workers")
    return 1 if missing or differ else 0


def _same(asked: Asked, expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> bool:
    """Whether two answers are the same; of a statement without an order, in any."""
    if "ORDER BY" not in asked.sql:
        expected, found = (sorted(answer, key=repr) for answer in (expected, found))
    if expected == found:
        return True
    pairs = zip(expected, found, strict=False)
    print(
        asked.name, len(expected), len(found), next(((a, b) for a, b in pairs if a != b), "rows are missing")
    )
    return False


if __name__ == "__main__":
    sys.exit(main())
