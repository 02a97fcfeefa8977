"""The same rates without known survey scanners.

What they sent is counted by itself and taken off: packets and distinct sources are sums over sources, so
that a difference of two counts is the count of the others. Where a sensor gave sources up in a flood, whose
packets they were is not known, and nothing of them is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from teiten_collector.analysis.ranks import Figure, Row, compare, rank_rows
from teiten_collector.analysis.statements import SURVEYED, for_family
from teiten_collector.analysis.tallies import code_key
from teiten_protocol import Class, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from teiten_collector.analysis.survey_scanners import SurveyScanners
    from teiten_collector.analysis.tallies import Tally
    from teiten_collector.store import Engine

Figures = dict[str, Figure]

TOTAL: Final = "total"
_NOTHING: Final = Figure(0, 0)
_SUBJECTS: Final[dict[str, Callable[[str], str]]] = {
    "key": lambda subject: code_key(int(subject)),
    "home-key": lambda subject: code_key(int(subject)),
    "class": lambda subject: Class(int(subject)).text,
    "tool": lambda subject: Tool(int(subject)).text,
}


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What survey scanners sent in a scope, by what is counted ("key", "country") and then by subject."""

    figures: Mapping[str, Figures]

    def of(self, kind: str) -> Figures:
        """The figures of one kind, by subject."""
        return self.figures.get(kind, {})


@dataclass(frozen=True, slots=True)
class WithoutSurveys:
    """Rows as those of everything, of what survey scanners did not send.

    Attributes:
        scanners: A row for each operator of survey scanners: what is left out.
        total: Everything else.
        rows: The other tables by name, without what survey scanners sent; empty where they sent nothing in
            either period, because then every row is as it was.
    """

    scanners: tuple[Row, ...]
    total: Row
    rows: Mapping[str, tuple[Row, ...]]


def surveyed(engine: Engine, tally: Tally, scanners: SurveyScanners, home: str) -> Surveyed:
    """Counts what survey scanners sent of a tally; `home` is the country with figures of its own."""
    scope = tally.scope
    table = scanners.table(scope.family)
    if not tally.total or not table.num_rows:
        return Surveyed({})
    rows = engine.rollup(
        for_family(SURVEYED, scope.family),
        [*scope.parameters, home],
        scope.days,
        tables={"scanners": table},
    ).to_pylist()
    found: dict[str, Figures] = {}
    for row in rows:
        kind, subject = row["kind"], row["subject"]
        name = _SUBJECTS.get(kind, str)(subject)
        found.setdefault(kind, {})[name] = Figure(int(row["packets"]), row["sources"])
    return Surveyed(found)


def without_surveys(
    both: tuple[Surveyed, Surveyed],
    total: Row,
    tables: Mapping[str, tuple[str, tuple[Row, ...]]],
    days: tuple[float, float],
) -> WithoutSurveys:
    """Takes what survey scanners sent off the rows of everything.

    Args:
        both: What they sent in the period and in the compared one.
        total: The row of everything.
        tables: By name, which kind of figures a table counts, and its rows.
        days: What was observed of the two periods.
    """
    scanners = rank_rows(both[0].of("scanner"), both[1].of("scanner"), *days)
    rows = {name: _ranked(rows, both, kind, days) for name, (kind, rows) in tables.items() if scanners}
    return WithoutSurveys(scanners, rest(total, both, TOTAL, days), rows)


def rest(row: Row, both: tuple[Surveyed, Surveyed], kind: str, days: tuple[float, float]) -> Row:
    """What is left of one row, without ranks. Arguments as for `without_surveys`."""
    left = _left(row, both, kind)
    return compare(row.key, left[0], left[1], *days)


def _ranked(
    rows: tuple[Row, ...], both: tuple[Surveyed, Surveyed], kind: str, days: tuple[float, float]
) -> tuple[Row, ...]:
    left = {row.key: _left(row, both, kind) for row in rows}
    return rank_rows(
        {key: current for key, (current, _) in left.items()},
        {key: previous for key, (_, previous) in left.items()},
        *days,
    )


def _left(row: Row, both: tuple[Surveyed, Surveyed], kind: str) -> tuple[Figure, Figure]:
    """A row's figures less what was surveyed. Rows do not tell the compared period's sources."""
    now, then = (found.of(kind).get(row.key, _NOTHING) for found in both)
    current = Figure(row.count - now.count, max(row.sources - now.sources, 0), row.sources_estimated)
    return current, Figure(row.compare_count - then.count, 0)
