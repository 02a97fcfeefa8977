"""What the README shows is what the programs print."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo import readme

PATIENCE_SECONDS = 1800
"""A demo is some fifty programs, one after another: on a machine that is busy they take minutes."""


def shown(name: str) -> str:
    page = readme.PAGES[0].read_text(encoding="utf-8")
    texts = {found["name"]: found["text"] for found in readme.SAMPLE.finditer(page)}
    return texts[name]


def test_every_sample_of_the_readme_is_one_that_can_be_made_again() -> None:
    for page in readme.PAGES:
        found = readme.SAMPLE.finditer(page.read_text(encoding="utf-8"))
        assert {sample["name"] for sample in found} <= set(readme.SAMPLES)


@pytest.mark.end_to_end
@pytest.mark.timeout(PATIENCE_SECONDS)
def test_the_demo_prints_what_the_readme_shows() -> None:
    assert shown("made-up") == f"```\n{readme.made_up()}```\n"


@pytest.mark.end_to_end
@pytest.mark.timeout(PATIENCE_SECONDS)
@pytest.mark.shared
@pytest.mark.parametrize("name", ["real", "count"])
def test_real_captures_come_out_as_the_readme_shows(shared: Path, name: str) -> None:
    assert shared.is_dir()
    assert shown(name) == f"```\n{readme.SAMPLES[name]()}```\n"
