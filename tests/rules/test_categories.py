"""Every signature has a category, by number before message before class, and operators may say which."""

from __future__ import annotations

from pathlib import Path

import pytest

from teiten_agent.errors import ConfigurationError
from teiten_agent.rules import categories

TWO = """
[[category]]
id = "A"
title = { ja = "あ", en = "A" }
sids = [5, [10, 20]]
messages = ["ET"]
[[category]]
id = "B"
title = { ja = "い", en = "B" }
classtypes = ["misc"]
rest = true
"""


def read(folder: Path, text: str) -> categories.Categories:
    path = folder / "categories.toml"
    path.write_text(text, encoding="utf-8")
    return categories.read(path)


def test_the_default_categories_are_the_six_of_the_report() -> None:
    assert [one.id for one in categories.read().all] == ["Worm", "Scan", "UDP spam", "DoS", "DNS", "Others"]


@pytest.mark.parametrize(
    ("sid", "message", "classification", "category"),
    [
        (5, "", "", "A"),
        (15, "x", "misc", "A"),
        (21, "ET x", "misc", "A"),
        (21, "x", "misc", "B"),
        (21, "", "", "B"),
    ],
)
def test_numbers_go_before_messages_before_classes(
    tmp_path: Path, sid: int, message: str, classification: str, category: str
) -> None:
    assert read(tmp_path, TWO).of(sid, message, classification).id == category


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'category'"),
        ("[[category]]\nid = 'A'", "'title'"),
        (TWO.replace("rest = true", ""), "exactly one category takes the rest"),
        (TWO.replace('"B"', '"A"'), "two categories have the same id"),
        (TWO.replace("sids", "sid"), "`sid` is no key"),
        (TWO.replace("[5,", '["5",'), "sids: '5'"),
        ("[[", "no list of categories"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"categories\.toml") as caught:
        read(tmp_path, text)
    assert said in caught.value.what


def test_the_collectors_default_is_the_same_file() -> None:
    """So that a report knows the built-in signatures without being told."""
    python = Path(__file__).resolve().parents[2] / "python"
    ours = (python / "teiten_agent" / "rules" / "categories.toml").read_bytes()
    assert (python / "teiten_collector" / "analysis" / "categories.toml").read_bytes() == ours
