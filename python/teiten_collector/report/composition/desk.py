"""What every section is written with: the document, the language, and how tables and figures are made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from teiten_collector.analysis.ranks import MIN_COMPARED_RATE
from teiten_collector.report.country_names import country_name
from teiten_collector.report.figures import DailySeries, Labels, Part, Shares, SharesByRow, StackedSeries
from teiten_collector.report.figures.data import NAMED_PARTS, OTHERS, leading_keys, split
from teiten_collector.report.figures.spoken import description, number_table
from teiten_collector.report.page import Block, Column, Figure, Paragraph, Table
from teiten_collector.report.ranking import NONE, percent_text, ranking_cells, signed
from teiten_collector.report.wording import WORDING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from teiten_collector.analysis.ranks import Row
    from teiten_collector.config import Language
    from teiten_collector.report.figures import Event, FigureData
    from teiten_collector.report.reading import Days, Report, Side

LEADING = 5
"""How many ports and countries have a figure of their own, as in the reference."""
SHARES_SHOWN = 9
"""How many parts a figure of shares names, beside the others."""


class Desk:
    """The document and the language, with what makes blocks of them.

    Args:
        report: The document, read.
        language: Of the page.
    """

    def __init__(self, report: Report, language: Language) -> None:
        """See the class."""
        self.report = report
        self.language = language
        self.wording = WORDING[language]
        countries = [row.key for row in report.access.countries[:NAMED_PARTS]]
        ports = [row.key for row in report.access.subjects[:NAMED_PARTS]]
        self.labels = Labels(
            self.wording.rate_axis,
            self.wording.current,
            self.wording.previous,
            (tuple(countries), tuple(ports), tuple(category.key for category in report.categories)),
        )
        self.detection_labels = replace(self.labels, rate=self.wording.detection_axis)
        self._told: set[str] = set()

    def country(self, code: str) -> str:
        """A country's name."""
        return country_name(code, self.language)

    def same(self, key: str) -> str:
        """A key as it is."""
        return key

    def category(self, key: str) -> str:
        """A category's title."""
        return next((found.title for found in self.report.categories if found.key == key), key)

    def findings(
        self, part: str, subjects: Sequence[str] | None = None, kinds: Sequence[str] | None = None
    ) -> list[Paragraph]:
        """Sentences of one part of the report, in the document's order; each is told once in a page.

        Args:
            part: "access", "signatures", "access_ipv6" or "signatures_ipv6".
            subjects: Keys, countries or categories that they are about; None: any.
            kinds: What they say; None: anything.
        """
        found = []
        for finding in self.report.findings:
            if (
                finding.part == part
                and (subjects is None or finding.subject in subjects)
                and (kinds is None or finding.kind in kinds)
                and finding.text not in self._told
            ):
                self._told.add(finding.text)
                found.append(Paragraph(finding.text))
        return found

    def ranking(  # noqa: PLR0913 - a table is all of these
        self,
        number: str,
        caption: str,
        rows: Sequence[Row],
        *,
        subject: str,
        name: Callable[[str], str],
        side: Side,
    ) -> list[Table]:
        """The table of a ranking; none where nothing was seen."""
        cells = ranking_cells(rows, self.wording, subject, lambda row: name(row.key))
        if cells is None:
            return []
        alignments = ("right", "right", "left", "right", "right", "right", "right")
        columns = tuple(
            Column(head, "right" if alignment == "right" else "left")
            for head, alignment in zip(cells.head, alignments, strict=True)
        )
        return [Table(number, caption, columns, cells.rows, (*cells.notes, *self.exposure(side)))]

    def figures(  # noqa: PLR0913 - as above
        self,
        caption: str,
        rows: Sequence[Row],
        *,
        subject: str,
        name: Callable[[str], str],
        side: Side,
        without: str = "",
    ) -> list[Table]:
        """A table of rows with the interval of each rate and the sources; none of nothing.

        Args:
            caption: What it shows.
            rows: Its rows; those without packets in the period are left out.
            subject: Head of the first column.
            name: What stands in it.
            side: What the rates rest on.
            without: Under which name the document has the rows without survey scanners; empty: it has none.
        """
        seen = [row for row in rows if row.count and row.rate is not None]
        if not seen:
            return []
        heads, rest = self.wording.figures_columns, side.without_surveys.get(without)
        others = None if rest is None else {row.key: row.rate for row in rest}
        columns = (
            Column(subject),
            *(Column(head, "right") for head in heads[:2]),
            *([] if others is None else [Column(self.wording.without_surveys_column, "right")]),
            *(Column(head, "right") for head in heads[2:]),
        )
        cells = tuple(
            (
                name(row.key),
                rate_text(row.rate),
                f"{rate_text(row.rate_low)} - {rate_text(row.rate_high)}",
                *([] if others is None else [rate_text(others.get(row.key))]),
                rate_text(row.compare_rate),
                f"{row.count:,}",
                self.sources_text(row),
            )
            for row in seen
        )
        notes = [self.wording.sources_estimated] if any(row.sources_estimated for row in seen) else []
        return [Table("", caption, columns, cells, (*notes, *self.exposure(side)))]

    def sources_text(self, row: Row) -> str:
        """A row's number of sources, marked where it is an estimate."""
        form = self.wording.estimate if row.sources_estimated else "{number}"
        return form.format(number=f"{row.sources:,}")

    def nothing_seen(self, side: Side) -> list[Block]:
        """A paragraph that says so of a side, and what that rests on; none where something was seen."""
        if side.total.count or side.total.compare_count:
            return []
        return [Paragraph(" ".join((self.wording.nothing, *self.exposure(side))))]

    def exposure(self, side: Side) -> tuple[str, ...]:
        """What the rates of a side rest on."""
        seen = side.observed
        unit = self.wording.prefix_day if seen.prefixes else self.wording.address_day
        notes = [
            self.wording.exposure_note.format(
                days=f"{seen.days:,.1f}", compare_days=f"{seen.compare_days:,.1f}", unit=unit
            )
        ]
        shares = [
            1 - days / registered if registered else 0.0
            for days, registered in (
                (seen.days, seen.registered),
                (seen.compare_days, seen.compare_registered),
            )
        ]
        if any(share > 0 for share in shares):
            texts = [f"{share:.1%}" if share == 0 or share >= 0.001 else "< 0.1%" for share in shares]  # noqa: PLR2004 - 0.1 %
            notes.append(
                self.wording.unobserved_note.format(share=texts[0], compare_share=texts[1], unit=unit)
            )
        return tuple(notes)

    def figure(self, number: str, caption: str, data: FigureData, side: Side) -> Figure:
        """A figure with its description, numbers and notes."""
        notes = list(self.exposure(side)[:1])
        if isinstance(data, Shares | SharesByRow):
            notes.insert(0, self.wording.rounding)
        elif any(rate is None for rate in data.rates):
            notes.append(self.wording.unobserved_days)
        head, numbers = number_table(data, self.wording.speech)
        return Figure(
            number=number,
            caption=caption,
            data=data,
            labels=self.detection_labels if side is self.report.signatures else self.labels,
            description=description(data, self.wording.speech),
            head=head,
            numbers=numbers,
            notes=tuple(notes),
            half=isinstance(data, Shares),
        )

    def shares(self, counts: Mapping[str, float], name: Callable[[str], str]) -> Shares | None:
        """Shares of the leading parts and of the others; None of nothing."""
        total = sum(counts.values())
        if total <= 0:
            return None
        keys = leading_keys([counts], SHARES_SHOWN)
        amounts = split(counts, keys)
        parts, values = self._parts(keys, name), [amount / total for amount in amounts]
        if not values[-1]:
            parts, values = parts[:-1], values[:-1]
        return Shares(parts, tuple(values))

    def shares_by_row(
        self,
        wholes: Mapping[str, Mapping[str, float]],
        name_row: Callable[[str], str],
        name: Callable[[str], str],
    ) -> SharesByRow | None:
        """Shares of the same parts in several wholes; None of nothing."""
        seen = {key: counts for key, counts in wholes.items() if sum(counts.values()) > 0}
        if not seen:
            return None
        keys = leading_keys(list(seen.values()))
        values = [
            tuple(amount / sum(counts.values()) for amount in split(counts, keys)) for counts in seen.values()
        ]
        parts = self._parts(keys, name)
        if not any(shares[-1] for shares in values):
            parts, values = parts[:-1], [shares[:-1] for shares in values]
        return SharesByRow(tuple(name_row(key) for key in seen), parts, tuple(values))

    def stacked(self, days: Days | None, name: Callable[[str], str]) -> StackedSeries | None:
        """A series stacked by its leading parts; None where nothing was seen."""
        if days is None or not any(days.rates):
            return None
        sums: dict[str, float] = {}
        for amounts in days.parts:
            for key, amount in amounts.items():
                sums[key] = sums.get(key, 0.0) + amount
        keys = leading_keys([sums])
        rates = [
            None if rate is None else _fitted(split(amounts, keys), rate)
            for rate, amounts in zip(days.rates, days.parts, strict=True)
        ]
        parts = self._parts(keys, name)
        if not any(row[-1] for row in rates if row):
            parts, rates = parts[:-1], [None if row is None else row[:-1] for row in rates]
        return StackedSeries(days.days, parts, tuple(rates), self._begins(days.days))

    def daily(self, days: Days, events: Sequence[Event]) -> DailySeries:
        """A plain series."""
        return DailySeries(days.days, days.rates, self._begins(days.days), tuple(events))

    def change_words(self, row: Row, decimals: int = 1) -> dict[str, str] | None:
        """The gaps `change`, `percent` and `trend` of a sentence; None where there is nothing to compare."""
        if row.change is None or row.change_percent is None:
            return None
        return {
            "change": signed(f"{row.change:+,.{decimals}f}", "{sign}{change}"),
            "percent": percent_text(row.change_percent),
            "trend": self.wording.trend(row.change_percent),
        }

    def _begins(self, days: Sequence[date]) -> date | None:
        first = self.report.period.first
        return first if days[0] < first <= days[-1] + timedelta(days=1) else None

    def _parts(self, keys: Sequence[str], name: Callable[[str], str]) -> tuple[Part, ...]:
        return (*(Part(key, name(key)) for key in keys), Part(OTHERS, self.wording.others))


def rate_text(rate: float | None) -> str:
    """A rate of a table, to two decimals; a small one to two figures, so that it is no zero."""
    if rate is None:
        return NONE
    return f"{rate:,.2f}" if rate >= MIN_COMPARED_RATE or rate == 0 else f"{rate:.2g}"


def _fitted(amounts: tuple[float, ...], rate: float) -> tuple[float, ...]:
    """The amounts, with what is missing from the rate put to the others: a document names leading parts."""
    missing = rate - sum(amounts)
    return (*amounts[:-1], amounts[-1] + missing) if missing > rate * 1e-9 else amounts
