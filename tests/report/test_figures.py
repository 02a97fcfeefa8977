"""The figures: what is drawn, in which colours, and that nothing is lost between data and drawing."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.report.figures import (
    DailySeries,
    Event,
    FigureData,
    Labels,
    Part,
    Shares,
    SharesByRow,
    StackedSeries,
    draw,
    specification,
)
from teiten_collector.report.figures.data import NAMED_PARTS, OTHERS, leading_keys, split
from teiten_collector.report.figures.palette import DARK, OTHER, STACK, colours

DAYS = tuple(date(2009, 8, 1) + timedelta(days=number) for number in range(5))
PARTS = (Part("CN", "中国"), Part("JP", "日本"), Part(OTHERS, "その他"))
LABELS = Labels("件 (一日・1IP 当たり)", "今期", "前期", (("JP", "CN"),))
FIGURES: dict[str, FigureData] = {
    "shares": Shares(PARTS, (0.5, 0.3, 0.2)),
    "rows": SharesByRow(("445/TCP", "135/TCP"), PARTS, ((0.5, 0.3, 0.2), (0.0, 1.0, 0.0))),
    "series": DailySeries(DAYS, (1.0, None, 0.0, 2.5, 3.0), DAYS[2], (Event(DAYS[3], "公開"),)),
    "stack": StackedSeries(DAYS, PARTS, ((1.0, 2.0, 3.0), None, (0.0, 0.0, 0.0), (1.0, 0.5, 0.0), None)),
}
MANY = tuple(Part(f"key-{number}", f"key-{number}") for number in range(NAMED_PARTS))


@pytest.mark.parametrize("name", FIGURES)
def test_a_specification_is_plain_json_and_draws_the_same_twice(name: str) -> None:
    made = specification(FIGURES[name], LABELS)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    drawing = draw(made, "figure-1")
    assert drawing == draw(made, "figure-1")
    assert drawing.startswith("<svg ")


@pytest.mark.parametrize("name", FIGURES)
def test_names_inside_a_drawing_begin_with_the_figures_own(name: str) -> None:
    drawing = draw(specification(FIGURES[name], LABELS), "figure-7")
    assert all(found.startswith("figure-7-") for found in re.findall(r'\bid="([^"]*)"', drawing))
    assert all(found.startswith("figure-7-") for found in re.findall(r"url\(#([^)]*)\)", drawing))


def test_a_drawing_holds_the_words_of_its_parts() -> None:
    drawing = draw(specification(FIGURES["stack"], LABELS), "figure-1")
    assert all(part.name in drawing for part in PARTS)


def test_what_names_say_is_no_markup() -> None:
    shares = Shares((Part("x", "<script>alert(1)</script>"),), (1.0,))
    drawing = draw(specification(shares, LABELS), "figure-1")
    assert "<script" not in drawing


@pytest.mark.parametrize("name", ["series", "stack"])
def test_a_day_that_was_not_observed_has_a_band_and_no_bar(name: str) -> None:
    layers = specification(FIGURES[name], LABELS)["layer"]
    band, bars = layers[0], layers[1]
    assert band["mark"]["type"] == "rect"
    unobserved = {value["day"] for value in band["data"]["values"]}
    assert "2009-08-02" in unobserved
    assert not unobserved & {value["day"] for value in bars["data"]["values"]}


def test_neighbours_in_a_stack_differ_in_lightness() -> None:
    """Printed in grey they stay apart; a white line parts them besides."""
    for first, second in pairwise(STACK):
        assert _contrast(first, second) >= 1.8, (first, second)


def test_letters_stand_out_from_the_bar_they_are_written_on() -> None:
    for colour in STACK:
        assert _contrast(colour, "#FFFFFF" if colour in DARK else "#222222") >= 4.2


def test_what_leads_the_report_keeps_its_colour_in_every_figure() -> None:
    first = colours(PARTS, LABELS.settled)
    second = colours((Part("BR", "ブラジル"), Part("CN", "中国")), LABELS.settled)
    assert first[0] == second[1] == STACK[1]
    assert first[-1] == OTHER


@given(st.permutations(MANY), st.lists(st.sampled_from([part.key for part in MANY]), unique=True))
def test_no_two_parts_of_a_figure_share_a_colour(parts: list[Part], settled: list[str]) -> None:
    assert len(set(colours(parts, [settled]))) == len(parts)


AMOUNTS = st.dictionaries(
    st.sampled_from(["CN", "JP", "US", "RU", "TW", "KR", "BR", "DE", OTHERS]),
    st.integers(min_value=0, max_value=10**9).map(float),
)


@given(st.lists(AMOUNTS, max_size=5))
def test_named_parts_and_others_add_up_to_the_whole(wholes: list[dict[str, float]]) -> None:
    keys = leading_keys(wholes)
    assert OTHERS not in keys
    assert len(keys) <= NAMED_PARTS
    for whole in wholes:
        assert sum(split(whole, keys)) == sum(whole.values())


def _contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
