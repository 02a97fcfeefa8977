"""`make report-pictures`: the page that shows each table and figure of the 2009 report beside ours.

Ours are of the made-up months of the scenario `npa-2009-08`, brought into a store as planned. The page
stands in docs/explanation in both languages, its pictures in docs/pictures/report. With `--check` nothing is
written; what differs is named, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from teiten_collector.analysis.bulletins import read_bulletins
from teiten_collector.analysis.categories import read_categories, read_signatures
from teiten_collector.analysis.periods import parse_period
from teiten_collector.report import CountrySource, Question, build_document
from teiten_collector.report.composition import compose
from teiten_collector.report.content import to_content
from teiten_collector.report.figures import draw, specification
from teiten_collector.report.page import Figure, Table
from teiten_collector.store import Engine, Store
from teiten_scenario.world import built_in, describe
from tests.report.stored_world import LIST, store_world

if TYPE_CHECKING:
    from teiten_collector.config import Language
    from teiten_collector.report.page import Page
    from teiten_collector.report.reading import Content

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures" / "report"
SCENARIO = "npa-2009-08"

# Every table and figure of the reference, in its order, as it calls them.
REFERENCE = (
    ("figure", "2-1", "554/TCP に対するアクセス"),
    ("figure", "2-2", "42/TCP に対するアクセス"),
    ("figure", "2-3", "23/TCP に対するアクセス"),
    ("figure", "2-4", "1433/TCP に対するアクセス"),
    ("table", "2-1", "探索範囲"),
    ("table", "2-2", "アクセスの特徴"),
    ("table", "3-1", "宛先ポート別検知件数"),
    ("figure", "3-1", "世界の宛先ポート比率"),
    ("figure", "3-2", "日本の宛先ポート比率"),
    ("figure", "3-3", "宛先ポートの国・地域別比率"),
    ("figure", "3-4", "宛先ポート 445/TCP に対するアクセスの推移"),
    ("figure", "3-5", "宛先ポート 135/TCP に対するアクセスの推移"),
    ("figure", "3-6", "8/ICMP のアクセスの推移"),
    ("figure", "3-7", "宛先ポート 2967/TCP に対するアクセスの推移"),
    ("figure", "3-8", "宛先ポート 1433/TCP に対するアクセスの推移"),
    ("table", "3-2", "発信元国・地域別検知件数"),
    ("figure", "3-9", "発信元国・地域別 跳ね返りパケット件数"),
    ("figure", "3-10", "発信元国・地域別比率"),
    ("figure", "3-11", "発信元国・地域別上位のポート別比率"),
    ("figure", "3-12", "中国からのアクセスの推移"),
    ("figure", "3-13", "日本からのアクセスの推移"),
    ("figure", "3-14", "米国からのアクセスの推移"),
    ("figure", "3-15", "ロシアからのアクセスの推移"),
    ("figure", "3-16", "台湾からのアクセスの推移"),
    ("figure", "4-1", "シグネチャを用いた不正侵入等の攻撃手法別検知比率"),
    ("figure", "4-2", "シグネチャを用いた不正侵入等の攻撃手法別検知推移"),
    ("table", "4-1", "シグネチャを用いた不正侵入等の攻撃手法別検知件数"),
    ("figure", "4-3", "シグネチャを用いた不正侵入等の攻撃手法の国・地域別比率"),
    ("figure", "4-4", "シグネチャを用いた不正侵入等の発信元国・地域別検知比率"),
    ("figure", "4-5", "シグネチャを用いた不正侵入等の発信元国・地域別検知推移"),
    ("table", "4-2", "シグネチャを用いた不正侵入等の発信元国・地域別検知件数"),
    ("figure", "4-6", "シグネチャを用いた不正侵入等の発信元国・地域別上位のシグネチャ別比率"),
    ("table", "6-1", "グラフに表示される分類と代表的なシグネチャ"),
)


@dataclass(frozen=True, slots=True)
class Words:
    """The page's own words in one language."""

    title: str
    lead: str
    theirs: str
    ours: str
    absent: str
    elsewhere: str


WORDS: dict[Language, Words] = {
    "ja": Words(
        title="2009 年 8 月期の報告と teiten の報告",
        lead="警察庁「我が国におけるインターネット治安情勢(平成 21 年 8 月期)」の表と図を番号順に挙げ、それ"
        "ぞれに teiten が出力する表と図を並べる。数値は合成シナリオ `npa-2009-08` のもので、実際の観測ではな"
        "い。このページと図は `make report-pictures` が作る。積み上げ図の凡例は、積み上げの下から順に並ぶ。",
        theirs="参照した報告",
        ours="teiten",
        absent="シナリオに該当するセキュリティ情報がないため、このページに例はない。報告では、セキュリティ情"
        "報の一覧に挙げたポートごとに 1 図となる。",
        elsewhere="[English](reference-report.md)",
    ),
    "en": Words(
        title="The report of August 2009 and ours",
        lead="Each table and figure of the report that is the measure of this project (see [The report of "
        "August 2009](the-2009-report.md)), by its number, with what `teiten-collector report` gives in its "
        "place. The numbers are those of the made-up scenario `npa-2009-08`, no observation. `make "
        "report-pictures` makes this page and its pictures. The legend of a stack goes from its foot "
        "upwards.",
        theirs="The reference",
        ours="Ours",
        absent="The scenario has no such bulletin, so there is no example here. A report has one such "
        "figure for each port in its list of bulletins.",
        elsewhere="[日本語](reference-report.ja.md)",
    ),
}


def content() -> Content:
    """The document of the scenario's month."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        (directory / "signatures.csv").write_text(LIST, encoding="utf-8")
        (directory / "bulletins.toml").write_text(built_in()[SCENARIO], encoding="utf-8")
        store = store_world(describe(SCENARIO), directory / "store")
        period = parse_period("2009-08", ZoneInfo("Asia/Tokyo"))
        bulletins = read_bulletins(directory / "bulletins.toml")
        with Store.open(store) as opened, Engine(store) as engine:
            document = build_document(
                engine,
                opened.registry.list(),
                Question(period, period.before(), ("access",), ("ids",), "JP", bulletins),
                CountrySource(SCENARIO, ""),
                read_signatures([directory / "signatures.csv"], read_categories()),
            )
        return to_content(document)


def files(language: Language, page: Page) -> dict[Path, bytes]:
    """The page of one language and its pictures, by where they stand."""
    words = WORDS[language]
    figures = {block.number: block for block in page.blocks if isinstance(block, Figure)}
    tables = {block.number: block for block in page.blocks if isinstance(block, Table)}
    found: dict[Path, bytes] = {}
    lines = [f"# {words.title}", "", words.elsewhere, "", words.lead]
    for kind, number, caption in REFERENCE:
        form = page.words.figure if kind == "figure" else page.words.table
        lines += ["", f"## {form.format(number=number)}", "", f"{words.theirs}: {caption}", ""]
        if kind == "table" and number in tables:
            table = tables[number]
            lines += [f"{words.ours}: {table.caption}", "", *_markdown(table)]
        elif kind == "figure" and number in figures:
            figure = figures[number]
            picture = PICTURES / f"figure-{number}.{language}.svg"
            drawing = draw(specification(figure.data, figure.labels), f"figure-{number}")
            found[picture] = drawing.encode()
            lines += [
                f"{words.ours}: {figure.caption}",
                "",
                f"![{figure.description}](../pictures/report/{picture.name})",
            ]
        else:
            lines.append(words.absent)
    suffix = ".ja.md" if language == "ja" else ".md"
    text = "\n".join(lines) + "\n"
    return {ROOT / "docs" / "explanation" / f"reference-report{suffix}": text.encode(), **found}


def _markdown(table: Table) -> list[str]:
    rules = ["---:" if column.alignment == "right" else "---" for column in table.columns]
    rows = [[column.head for column in table.columns], rules, *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return [*lines, *(line for note in table.notes for line in ("", f"<sub>{note}</sub>"))]


def main() -> int:
    """Writes the page, or says what differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs")
    check = parser.parse_args().check
    told = content()
    stale = 0
    languages: tuple[Language, ...] = ("ja", "en")
    for language in languages:
        for path, wanted in files(language, compose(told, language)).items():
            if path.is_file() and path.read_bytes() == wanted:
                continue
            stale += 1
            if check:
                print(f"{path.relative_to(ROOT)} is not as the code makes it", file=sys.stderr)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wanted)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
