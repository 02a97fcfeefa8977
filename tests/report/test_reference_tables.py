"""Tables 3-1, 3-2, 4-1 and 4-2 of the 2009 report come out to the last printed digit."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from teiten_collector.report import Document, render_text, to_json
from teiten_collector.report.country_names import country_name
from teiten_collector.report.ranking import SHOWN
from tests.report.reference_month import ADDRESS_DAYS, DETECTION_DAYS, MONITORED
from tests.report.reference_tables import CATEGORIES, COUNTRIES, DETECTION_COUNTRIES, PORTS, Printed

if TYPE_CHECKING:
    from teiten_collector.analysis.ranks import Row
    from teiten_collector.config import Language

LANGUAGES: tuple[Language, ...] = ("ja", "en")


def rows_of(document: Document, table: str) -> dict[str, Row]:
    tables = {
        "3-1": document.access.ports,
        "3-2": document.access.countries,
        "4-1": document.signatures.categories,
        "4-2": document.signatures.countries,
    }
    return {row.key: row for row in tables[table]}


PRINTED = {"3-1": PORTS, "3-2": COUNTRIES, "4-1": CATEGORIES, "4-2": DETECTION_COUNTRIES}
CASES = [(table, row) for table, rows in PRINTED.items() for row in rows]


@pytest.mark.parametrize(("table", "printed"), CASES, ids=[f"{table}-{row.key}" for table, row in CASES])
def test_every_printed_figure_and_rank(reference_document: Document, table: str, printed: Printed) -> None:
    row = rows_of(reference_document, table)[printed.key]
    assert row.rate is not None
    assert row.change is not None
    assert row.rate == row.count / (ADDRESS_DAYS if table.startswith("3") else DETECTION_DAYS)
    if printed.rate is None:
        assert row.count > 0
        assert row.rate < 0.005
    else:
        assert f"{row.rate:.2f}" == f"{printed.rate:.2f}"
        assert row.rank == printed.rank
    assert f"{row.change:.2f}" == f"{printed.change:.2f}"
    if printed.percent is None:
        assert row.change_percent is None
    else:
        assert row.change_percent is not None
        assert f"{row.change_percent:.1f}" == f"{printed.percent:.1f}"
        assert row.compare_rank == printed.compare_rank
    leading = [rank if rank is None or rank <= SHOWN else None for rank in (row.rise_rank, row.fall_rank)]
    assert leading == [printed.rise_rank, printed.fall_rank]


def test_the_text_shows_the_rows_of_the_reference_and_no_others(reference_document: Document) -> None:
    lines = render_text(reference_document, "ja").splitlines()
    tables = [at for at, line in enumerate(lines) if line.startswith("表 3-")]
    for at, printed in zip(tables, (PORTS, COUNTRIES), strict=True):
        body = lines[at + 4 : lines.index("", at + 4)]
        shown = [line for line in body if not line.lstrip().startswith("...")]
        assert [printed_cells(line) for line in shown] == [expected_cells(row) for row in printed]


def test_left_out_rows_are_marked_where_the_reference_marks_them(reference_document: Document) -> None:
    lines = render_text(reference_document, "ja").splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("表 3-1"))
    marks = ["..." in line for line in lines[at + 4 : lines.index("", at + 4)]]
    assert marks == [False] * 5 + [True, False] * 5


def test_columns_stand_under_one_another_whatever_the_width_of_characters(
    reference_document: Document,
) -> None:
    for language in LANGUAGES:
        lines = render_text(reference_document, language).splitlines()
        for at in (at for at, line in enumerate(lines) if set(line) == {"-"}):
            rows = [line for line in lines[at + 1 : lines.index("", at)] if "%" in line and ")" in line]
            assert len({cell_len(line[: line.index(")")]) for line in rows}) <= 1


def test_the_total_is_said_in_the_words_of_section_1(reference_document: Document) -> None:
    text = render_text(reference_document, "ja")
    assert (
        "今期のセンサーに対するアクセス件数は、一日・1IP 当たり 412.0 件で、"
        "前期と比較して + 51.9 件 (+ 14.4%)とやや増加した。"
    ) in text
    assert "445/TCP、135/TCP、8/ICMP、2967/TCP、1433/TCP の順であった" in text


def test_the_total_of_detections_is_said_in_the_words_of_section_4(reference_document: Document) -> None:
    """The reference calls + 3.9 % level in section 1 and slight in section 4-1; level is what it is here."""
    assert (
        "今期のシグネチャを用いた不正侵入等の検知件数は、一日・1IP 当たり 11.4 件で、"
        "前期と比較して + 0.4 件 (+ 3.9%)とほぼ横ばいであった。"
    ) in render_text(reference_document, "ja")


def test_every_table_says_its_address_days(reference_document: Document) -> None:
    for language, word in zip(LANGUAGES, ("アドレス・日", "address-days"), strict=True):
        text = render_text(reference_document, language)
        for days, section in ((f"{ADDRESS_DAYS:,.1f}", "3"), (f"{DETECTION_DAYS:,.1f}", "4")):
            tables = sum(text.count(f"\n\n{name} {section}-") for name in ("表", "Table"))
            assert tables == 2
            assert text.count(f"{days} {word}") >= tables
            assert text.count(days) >= 2 * tables  # of either period


def test_the_same_data_give_the_same_bytes(reference_document: Document) -> None:
    first, second = to_json(reference_document), to_json(reference_document)
    assert first == second
    assert list(json.loads(first)) == [
        "period",
        "compare",
        "timezone",
        "home_country",
        "missing",
        "compare_missing",
        "access",
        "access_ipv6",
        "signatures",
        "signatures_ipv6",
        "bulletins",
        "findings",
        "categories",
        "survey_scanners",
        "signatures_known",
        "country_database",
        "country_credit",
    ]


def test_no_monitored_address_is_in_any_form(reference_document: Document) -> None:
    network = MONITORED.rpartition(".")[0]
    for text in (
        to_json(reference_document),
        *(render_text(reference_document, name) for name in ("ja", "en")),
    ):
        assert network not in text


def printed_cells(line: str) -> tuple[str, ...]:
    """A printed row's cells; two blanks or more part them, and an empty cell leaves nothing."""
    return tuple(re.split(r"\s{2,}", line.strip()))


def expected_cells(row: Printed) -> tuple[str, ...]:
    """The row as the reference prints it, its spaces set the same everywhere."""

    def rank(place: int | None) -> str:
        return "-" if place is None else f"{place} 位"

    def signed(value: float, decimals: int) -> str:
        return f"{'+' if value > 0 else '-'} {abs(value):.{decimals}f}"

    percent = "-" if row.percent is None else f"{signed(row.percent, 1)}%"
    leading = row.rise_rank or row.fall_rank
    name = row.key if "/" in row.key else country_name(row.key, "ja")
    rate = "ごく僅か" if row.rate is None else f"{row.rate:.2f} 件"
    cells = (
        *(rank(row.rank), rank(row.compare_rank), name, rate),
        f"{percent} ({signed(row.change, 2)} 件)",
    )
    return cells if leading is None else (*cells, rank(leading))
