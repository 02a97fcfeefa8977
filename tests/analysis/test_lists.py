"""Lists that people write: bulletins, categories, signatures. What is wrong with one is named."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from teiten_collector.analysis.bulletins import read_bulletins
from teiten_collector.analysis.categories import read_categories, read_signatures
from teiten_collector.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
[[bulletin]]
id = "MS09-039"
title = "WINS"
noticed = "2009-08-07"
published = 2009-08-12
keys = ["42/TCP"]
"""
CSV = "id,title,published,noticed,keys\nMS09-039,WINS,2009-08-12,2009-08-07,42/TCP\n"


def written(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def test_bulletins_are_the_same_as_toml_and_as_csv(tmp_path: Path) -> None:
    (found,) = read_bulletins(written(tmp_path, "list.toml", TOML))
    assert (found.id, found.published, found.announced) == ("MS09-039", date(2009, 8, 12), date(2009, 8, 7))
    assert found.keys == ("42/TCP",)
    assert read_bulletins(written(tmp_path, "list.csv", CSV)) == (found,)


def test_several_keys_and_no_notice_in_csv(tmp_path: Path) -> None:
    text = "id,title,published,noticed,keys\nX,,2009-08-12,,42/TCP 42/UDP\n"
    (found,) = read_bulletins(written(tmp_path, "list.csv", text))
    assert (found.noticed, found.keys) == (None, ("42/TCP", "42/UDP"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (TOML.replace("42/TCP", "42"), "bulletin.0.keys.0"),
        (TOML.replace("2009-08-07", "2009-08-13"), "notice"),
        (TOML.replace("published = 2009-08-12", ""), "bulletin.0.published"),
        (TOML.replace('title = "WINS"', "titel = 1"), "bulletin.0.titel"),
        ("[[bulletin]", "no TOML"),
    ],
)
def test_what_is_wrong_with_a_bulletin_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        read_bulletins(written(tmp_path, "list.toml", text))


def test_an_absent_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_bulletins(tmp_path / "absent.toml")


def test_the_six_categories_are_those_of_table_6_1() -> None:
    found = read_categories()
    assert [category.id for category in found] == ["Worm", "Scan", "UDP spam", "DoS", "DNS", "Others"]
    assert "SQL Slammer" in found[0].examples
    assert found[4].examples == ("DNS request made for all records", "DNS port probe", "RR denial of service")


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("2003,,,", "Worm"),
        ("7,DNS port probe,,", "DNS"),
        ("7,Something,,attempted-dos", "DoS"),
        ("7,DNS port probe,Others,", "Others"),
        ("7,Something,,", "Others"),
    ],
)
def test_a_signature_has_its_category(tmp_path: Path, line: str, category: str) -> None:
    path = written(tmp_path, "list.csv", f"sid,message,category,classtype\n{line}\n")
    sid = int(line.partition(",")[0])
    assert read_signatures([path], read_categories()).signature(sid).category == category


def test_an_unknown_signature_is_called_by_its_number() -> None:
    found = read_signatures((), read_categories()).signature(99)
    assert (found.message, found.category) == ("99", "Others")


@pytest.mark.parametrize("line", ["x,,,", "7,,Nothing,"])
def test_what_is_wrong_with_a_signature_is_named(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, "list.csv", f"sid,message,category,classtype\n{line}\n")
    with pytest.raises(InputError, match=r"list\.csv:2"):
        read_signatures([path], read_categories())


@pytest.mark.parametrize("text", ["x", "[[category]]\nid = 'a'\ntitle = {ja = 'a', en = 'a'}\n"])
def test_a_file_of_categories_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"categories\.toml"):
        read_categories(written(tmp_path, "categories.toml", text))
