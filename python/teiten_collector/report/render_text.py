"""The report for a terminal: the tables of the 2009 report, as it prints them.

A sentence of the total, the tables (`teiten_collector.report.text_table`), and under each what it rests on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.country_names import country_name
from teiten_collector.report.phrases import PHRASES, Phrases
from teiten_collector.report.text_table import SHOWN, percent_text, signed, text_table

if TYPE_CHECKING:
    from teiten_collector.analysis.periods import Period
    from teiten_collector.analysis.ranks import Row
    from teiten_collector.analysis.rates import Accesses
    from teiten_collector.config import Language
    from teiten_collector.report.document import Document

PRINTED_RATE = 0.05
"""A total below this would print as 0.0; it gets two significant digits instead."""


def render_text(document: Document, language: Language) -> str:
    """The document as text of one language, ending in a newline. Wide characters take two columns."""
    phrases = PHRASES[language]
    question = document.question
    blocks = [
        [
            phrases.title,
            f"{phrases.period}{_span(question.period, phrases)} ({question.period.zone.key})",
            f"{phrases.compare}{_span(question.compare, phrases)}",
        ],
        *_section(document.access, language, ipv6=False),
    ]
    ipv6 = document.access_ipv6
    if ipv6.current.registered or ipv6.total.count or ipv6.previous.registered or ipv6.total.compare_count:
        blocks += _section(ipv6, language, ipv6=True)
    blocks.append(
        [phrases.country_database.format(database=document.countries.database)]
        + ([document.countries.credit] if document.countries.credit else [])
    )
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _section(found: Accesses, language: Language, *, ipv6: bool) -> list[list[str]]:
    phrases = PHRASES[language]
    notes = _exposure_notes(found, phrases, ipv6=ipv6)

    def name(row: Row) -> str:
        return country_name(row.key, language)

    titles = (
        (phrases.ports_table_ipv6, phrases.countries_table_ipv6, phrases.backscatter_table_ipv6)
        if ipv6
        else (phrases.ports_table, phrases.countries_table, phrases.backscatter_table)
    )
    port, country = phrases.columns[2], phrases.country_column
    nothing = [phrases.nothing if found.current.observed else phrases.unobserved_table]
    blocks = [
        _summary(found, phrases, ipv6=ipv6),
        [titles[0], "", *(text_table(found.ports, phrases, port, lambda row: row.key) or nothing), *notes],
        [titles[1], "", *(text_table(found.countries, phrases, country, name) or nothing), *notes],
    ]
    backscatter = text_table(found.backscatter_countries, phrases, country, name)
    if backscatter:
        blocks.append([titles[2], "", *backscatter, *notes])
    return blocks


def _summary(found: Accesses, phrases: Phrases, *, ipv6: bool) -> list[str]:
    total = found.total
    unit = phrases.prefix_unit if ipv6 else phrases.address_unit
    if total.rate is None:
        return [phrases.not_observed]
    rate = f"{total.rate:.1f}" if total.rate >= PRINTED_RATE or not total.count else f"{total.rate:.2g}"
    lines = []
    if total.change is None:
        lines.append(phrases.total.format(unit=unit, rate=rate))
        lines.append(phrases.not_compared)
    else:
        change = signed(f"{total.change:+,.1f}", phrases.change)
        percent = total.change_percent
        if percent is None:
            lines.append(phrases.total_changed.format(unit=unit, rate=rate, change=change))
        else:
            lines.append(
                phrases.total_compared.format(
                    unit=unit,
                    rate=rate,
                    change=change,
                    percent=percent_text(percent),
                    trend=phrases.trend(percent),
                )
            )
    leading = [row.key for row in found.ports[:SHOWN] if row.rank is not None]
    if leading:
        lines.append(phrases.top.format(count=len(leading), keys=phrases.list_separator.join(leading)))
    lines.append(phrases.counted.format(packets=f"{total.count:,}", sources=f"{total.sources:,}"))
    return lines


def _exposure_notes(found: Accesses, phrases: Phrases, *, ipv6: bool) -> list[str]:
    unit = phrases.prefix_day if ipv6 else phrases.address_day
    now, then = found.current, found.previous
    notes = [
        "",
        phrases.exposure.format(
            days=f"{now.days:,.1f}",
            compare_days=f"{then.days:,.1f}",
            unit=unit,
            sensors=now.sensors,
            compare_sensors=then.sensors,
        ),
    ]
    if now.unobserved_share or then.unobserved_share:
        notes.append(
            phrases.unobserved.format(
                unit=unit,
                share=_share(now.unobserved_share),
                compare_share=_share(then.unobserved_share),
            )
        )
    return notes


def _span(period: Period, phrases: Phrases) -> str:
    return phrases.span.format(first=period.first, last=period.last, days=period.days)


def _share(share: float) -> str:
    """A share in percent to one decimal; what is not nothing never prints as nothing."""
    return "< 0.1%" if 0 < share < 0.001 else f"{share:.1%}"  # noqa: PLR2004 - 0.1 %
