"""The report as HTML and PDF: each table and figure of the reference, for each reader, in the same bytes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from teiten_collector.cli import main
from teiten_collector.report.composition import compose
from teiten_collector.report.page import Figure, Heading, Paragraph, Table
from teiten_collector.report.render_html import render_html
from teiten_collector.report.render_pdf import render_pdf
from tests.report.complete_document import complete_document, part_names
from tests.report.reading_html import Outline

if TYPE_CHECKING:
    from teiten_collector.config import Language

LANGUAGES: tuple[Language, ...] = ("ja", "en")
ROOT = Path(__file__).resolve().parents[2]

# The numbers of the reference, in its order.
REFERENCE_FIGURES = (
    *(f"2-{number}" for number in range(1, 5)),
    *(f"3-{number}" for number in range(1, 17)),
    *(f"4-{number}" for number in range(1, 7)),
)
SERIES = 17
"""How many of the figures go day by day."""
REFERENCE_TABLES = ("2-1", "2-2", "3-1", "3-2", "4-1", "4-2", "6-1")


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    return chosen


@pytest.fixture(scope="module")
def page(language: Language) -> str:
    return render_html(complete_document(), language)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_every_table_and_figure_of_the_reference_stands_in_its_order(spoken: Language) -> None:
    blocks = compose(complete_document(), spoken).blocks
    figures = [block.number for block in blocks if isinstance(block, Figure) and block.number]
    tables = [block.number for block in blocks if isinstance(block, Table) and block.number]
    assert figures == list(REFERENCE_FIGURES)
    assert tables == list(REFERENCE_TABLES)


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_every_figure_and_every_table_of_rates_tells_its_address_days(spoken: Language) -> None:
    unit = {"ja": "日", "en": "-days"}[spoken]
    for block in compose(complete_document(), spoken).blocks:
        if isinstance(block, Figure) or (isinstance(block, Table) and block.number not in {"6-1", ""}):
            assert any("3,000.0" in note and unit in note for note in block.notes), block.caption


def test_a_page_asks_nothing_of_any_host_and_runs_no_script(outline: Outline) -> None:
    assert not outline.all(
        "script", "link", "iframe", "object", "embed", "img", "image", "use", "base", "form"
    )
    for element in outline.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            if name in {"href", "src", "xlink:href", "srcset", "action", "data"}:
                assert value.startswith("#"), element
            for target in re.findall(r"url\(([^)]*)\)", value):
                assert target.startswith("#"), element
    assert "url(" not in outline.all("style")[0].text
    assert "@import" not in outline.all("style")[0].text


def test_a_page_says_its_language_and_title(outline: Outline, language: Language) -> None:
    assert outline.elements[0].attributes["lang"] == language
    assert "2009" in outline.all("title")[0].text


def test_every_drawing_is_told_to_who_cannot_see_it(outline: Outline) -> None:
    texts = {
        element.attributes["id"]: element.text for element in outline.elements if "id" in element.attributes
    }
    drawings = outline.all("svg")
    assert len(drawings) == len(REFERENCE_FIGURES)
    for drawing in drawings:
        assert drawing.attributes["role"] == "img"
        for name in drawing.attributes["aria-labelledby"].split():
            assert texts[name].strip()
    figures = [figure for figure in outline.all("figure") if "svg" in figure.within]
    assert all("table" in figure.within and "figcaption" in figure.within for figure in figures)


def test_names_within_a_page_are_its_own(outline: Outline) -> None:
    names = Counter(
        element.attributes["id"] for element in outline.elements if element.attributes.get("id") is not None
    )
    assert [name for name, times in names.items() if times > 1] == []
    wanted = {value[1:] for element in outline.all("a") if (value := element.attributes["href"])}
    for element in outline.elements:
        for value in element.attributes.values():
            wanted |= set(re.findall(r"url\(#([^)]*)\)", value))
    assert wanted <= names.keys()


def test_headings_go_down_one_level_at_a_time(outline: Outline) -> None:
    levels = [int(element.tag[1]) for element in outline.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_table_has_heads_for_its_columns(outline: Outline) -> None:
    assert outline.all("table")
    for table in outline.all("table"):
        assert "th" in table.within
        assert "thead" in table.within
    assert all(head.attributes.get("scope") in {"col", "row"} for head in outline.all("th"))


def test_what_others_wrote_is_text_and_never_markup(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_day_without_observation_is_told_and_is_no_zero(page: str, language: Language) -> None:
    unobserved = {"ja": "観測なし", "en": "not observed"}[language]
    days = re.findall(r'<th scope="row">2009-08-10</th><td class="right">([^<]*)</td>', page)
    assert len(days) == SERIES
    assert set(days) == {unobserved}


@pytest.mark.parametrize("name", part_names(complete_document()))
def test_what_a_document_does_not_have_is_left_out(name: str) -> None:
    document = complete_document()
    del document[name]
    before, after = (compose(each, "en").blocks for each in (complete_document(), document))
    assert len(after) < len(before)
    assert [block.text for block in after if isinstance(block, Heading) and block.level == 1]


def test_a_section_in_which_nothing_was_seen_says_so_and_has_no_empty_parts() -> None:
    document = complete_document()
    for name in ("access", "signatures"):
        seen = document[name]
        for part in seen.keys() & {"ports", "countries", "home_ports", "categories", "by_signature"}:
            seen[part] = []
        seen["total"] |= {"count": 0, "compare_count": 0}
    blocks = compose(document, "en").blocks
    for section in ("3-1", "4-1"):
        [at] = [at for at, block in enumerate(blocks) if isinstance(block, Heading) and section in block.text]
        said = blocks[at + 1]
        assert isinstance(said, Paragraph)
        assert said.text.startswith("Nothing was seen. Observed: ")
    for block, after in pairwise(blocks):
        assert not (isinstance(block, Heading) and isinstance(after, Heading) and block.level >= after.level)


def test_the_same_document_gives_the_same_bytes() -> None:
    """In another process too, whose hashes are seeded otherwise and whose days begin elsewhere."""
    script = (
        "import hashlib, sys\n"
        "from tests.report.complete_document import complete_document\n"
        "from teiten_collector.report.render_html import render_html\n"
        "from teiten_collector.report.render_pdf import render_pdf\n"
        "document = complete_document()\n"
        "del document['signatures'], document['bulletins'], document['access']['series']['countries']\n"
        "print(hashlib.sha256(render_html(document, 'ja').encode()).hexdigest())\n"
        "print(hashlib.sha256(render_pdf(document, 'ja')).hexdigest())\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}/python", "TZ": zone, "PATH": ""},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(printed) == 1


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_paper_carries_its_fonts_and_promises_accessibility(spoken: Language) -> None:
    paper = render_pdf(complete_document(), spoken)
    assert paper.startswith(b"%PDF-")
    assert b"NotoSansJP" in paper
    assert b"NotoSerifJP" in paper
    assert b"pdfuaid" in paper
    assert b"CreationDate" not in paper


def test_a_letter_that_no_font_has_stops_no_paper() -> None:
    document = complete_document()
    document["bulletins"][0]["title"] = "\N{EGYPTIAN HIEROGLYPH A001}"
    assert render_pdf(document, "ja").startswith(b"%PDF-")


def test_text_needs_neither_typesetter_nor_drawer() -> None:
    script = (
        "import sys, teiten_collector.cli\n"
        "print(*({'jinja2', 'typst', 'vl_convert', 'pylopdf_fonts_jp'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/python"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(("form", "begins"), [("html", b"<!DOCTYPE html>"), ("pdf", b"%PDF-")])
def test_the_command_writes_the_form_that_is_asked_for(
    reference_store: Path, tmp_path: Path, form: str, begins: bytes
) -> None:
    config, output = tmp_path / "collector.toml", tmp_path / f"report.{form}"
    config.write_text(f'[store]\ndirectory = "{reference_store}"\n', encoding="utf-8")
    arguments = [
        "report",
        "--config",
        str(config),
        "--period",
        "2009-08",
        "--format",
        form,
        "-o",
        str(output),
    ]
    assert main(arguments) == 0
    assert output.read_bytes().startswith(begins)
