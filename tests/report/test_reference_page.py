"""The page that shows the reference's tables and figures beside ours has each of them, and its pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.demo.reference_page import REFERENCE

EXPLANATION = Path(__file__).resolve().parents[2] / "docs" / "explanation"


@pytest.mark.parametrize(
    ("page", "figure", "table"),
    [("reference-report.md", "Figure", "Table"), ("reference-report.ja.md", "図", "表")],
)
def test_every_number_of_the_reference_has_its_place_and_every_picture_is_there(
    page: str, figure: str, table: str
) -> None:
    text = (EXPLANATION / page).read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        f"{figure if kind == 'figure' else table} {number}" for kind, number, _ in REFERENCE
    ]
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    assert len(pictures) >= 25
    for _, target in pictures:
        assert (EXPLANATION / target).resolve().is_file(), target


def test_the_reference_is_told_by_its_own_captions(shared: Path) -> None:
    reference = (shared / "reference" / "npa-2009-08.txt").read_text(encoding="utf-8")
    told = re.sub(r"<sup>\d+</sup>", "", reference)
    for kind, number, caption in REFERENCE:
        assert f"{'図' if kind == 'figure' else '表'} {number} {caption}" in told
    assert len(re.findall(r"^[図表] \d-\d+ ", told, re.MULTILINE)) == len(REFERENCE)
