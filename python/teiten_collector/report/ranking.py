"""The cells of a table that ranks, as the 2009 report prints it.

It shows the first five by rate, the first five by rise and the first five by fall; "..." stands where rows
are left out between two that are shown. What rounds to 0.00 has no rank ("-") and prints as negligible, and a
change that does is no rise or fall. Where even the first row would round to 0.00 (very many monitored
addresses), ranks stand, and rates have two significant digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_collector.analysis.ranks import MIN_COMPARED_RATE, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from teiten_collector.report.wording import Wording

SHOWN = 5
"""How many places of each ranking a table shows."""
OMITTED = "..."
NONE = "-"


@dataclass(frozen=True, slots=True)
class RankingCells:
    """A table's text, before any form.

    Attributes:
        head: One text a column.
        rows: One text a column each; `OMITTED` stands in the first and fourth where rows are left out.
        notes: What stands below.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def ranking_cells(
    rows: Sequence[Row], wording: Wording, subject: str, name: Callable[[Row], str]
) -> RankingCells | None:
    """The cells of a table; None where nothing was seen.

    Args:
        rows: Every row, in order of rank.
        wording: The language.
        subject: Head of the third column.
        name: What stands in it.
    """
    setter = _Setter(rows, wording)
    places = [place for place, row in enumerate(rows) if setter.shows(row)]
    if not places:
        return None
    lines: list[tuple[str, ...]] = []
    before = places[0] - 1
    for place in places:
        if place != before + 1:
            lines.append((OMITTED, "", "", OMITTED, "", "", ""))
        lines.append(setter.cells(rows[place], name(rows[place])))
        before = place
    left_out = any(rows[place].change is not None and rows[place].change_percent is None for place in places)
    return RankingCells(
        head=(*wording.ranking_columns[:2], subject, *wording.ranking_columns[3:]),
        rows=tuple(lines),
        notes=(wording.no_percentage,) if left_out else (),
    )


def shown_rows(rows: Sequence[Row], wording: Wording) -> tuple[Row, ...]:
    """The rows that `ranking_cells` shows."""
    setter = _Setter(rows, wording)
    return tuple(row for row in rows if setter.shows(row))


def percent_text(percent: float) -> str:
    """A change in percent, to one decimal."""
    return signed(f"{percent:+,.1f}", "{sign}{change}%")


def signed(number: str, form: str) -> str:
    """A number that begins with its sign, with the sign set apart, as the 2009 report does.

    Args:
        number: As a format with `+` writes it.
        form: Where `{sign}` and `{change}` stand.
    """
    return form.format(sign=f"{number[0]} ", change=number[1:])


class _Setter:
    """Sets the cells of one table's rows."""

    def __init__(self, rows: Sequence[Row], wording: Wording) -> None:
        self._wording = wording
        highest = max((rate for row in rows for rate in (row.rate, row.compare_rate) if rate), default=0.0)
        self._fine = 0 < highest < MIN_COMPARED_RATE
        self._floor = 0.0 if self._fine else MIN_COMPARED_RATE

    def shows(self, row: Row) -> bool:
        """Whether a row is among the first of any ranking."""
        ranks = (row.rank, self._rise_rank(row), self._fall_rank(row))
        return any(rank is not None and rank <= SHOWN for rank in ranks)

    def cells(self, row: Row, name: str) -> tuple[str, ...]:
        """A row's cells, in the order of the columns."""
        return (
            self._rank(row.rank, row.rate),
            self._rank(row.compare_rank, row.compare_rate),
            name,
            self._rate(row),
            self._change(row),
            self._leading(self._rise_rank(row)),
            self._leading(self._fall_rank(row)),
        )

    def _rise_rank(self, row: Row) -> int | None:
        return row.rise_rank if row.change is not None and row.change >= self._floor else None

    def _fall_rank(self, row: Row) -> int | None:
        return row.fall_rank if row.change is not None and row.change <= -self._floor else None

    def _rank(self, place: int | None, rate: float | None) -> str:
        if place is None or rate is None or rate < self._floor:
            return NONE
        return self._wording.cell_rank.format(rank=place)

    def _leading(self, place: int | None) -> str:
        return "" if place is None or place > SHOWN else self._wording.cell_rank.format(rank=place)

    def _rate(self, row: Row) -> str:
        if row.rate is None:
            return NONE
        if row.count and row.rate < self._floor:
            return self._wording.negligible
        return self._wording.cell_rate.format(rate=f"{row.rate:.2g}" if self._fine else f"{row.rate:,.2f}")

    def _change(self, row: Row) -> str:
        if row.change is None:
            return NONE
        percent = NONE if row.change_percent is None else percent_text(row.change_percent)
        change = f"{row.change:+.2g}" if self._fine else f"{row.change:+,.2f}"
        return f"{percent} ({signed(change, self._wording.cell_change)})"
