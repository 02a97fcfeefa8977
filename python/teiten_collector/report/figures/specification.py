"""One place that makes a Vega-Lite specification of a figure. The page and the paper draw the same one.

Numbers are the data's own; what is written beside them is rounded as the 2009 report rounds: shares to one
decimal in percent. Sizes are in CSS pixels; a figure of full width is `WIDTH` wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, assert_never

from rich.cells import cell_len

from teiten_collector.report.figures.data import OTHERS, DailySeries, Shares, SharesByRow, StackedSeries
from teiten_collector.report.figures.palette import (
    DARK,
    EVENT,
    FAINT_INK,
    GRID,
    INK,
    OTHER,
    SINGLE,
    UNOBSERVED,
    colours,
)
from teiten_collector.report.fonts import SANS_OR_LIKE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from teiten_collector.report.figures.data import FigureData, Part

Specification = dict[str, Any]

WIDTH = 600
"""Plot width of a figure that fills the line; axis and labels stand beside it."""
HALF_WIDTH = 190
"""Plot width of a figure that shares the line with another."""
SERIES_HEIGHT = 170
ROW_HEIGHT = 26
BAR_HEIGHT = 19
DAY_TICKS = 10
"""At most this many days are written under a series, so that they do not touch."""
MAX_DAY_WIDTH = 24
LEGEND_COLUMNS = 7
LEGEND_CELL = 5.8
"""Width of half a full-width letter at `FONT_SIZE`, with some room to spare."""
LEGEND_SYMBOL = 32
"""Width of a legend's square and of the space to the next column."""
LEGEND_LABEL = 260
"""A longer name is cut in a legend; the table of a figure's numbers has it whole."""
NAMED_SHARE = 0.055
"""A part of a bar from here on has its share written in it: four figures need as much room."""
FONT_SIZE = 11


@dataclass(frozen=True, slots=True)
class Labels:
    """What is written in a figure, in the reader's language.

    Attributes:
        rate: Title of the axis of rates.
        current: What the period is called, where a series begins before it.
        previous: What the time before it is called.
        settled: Keys whose colours are the same in every figure, in order, each kind by itself.
    """

    rate: str
    current: str
    previous: str
    settled: tuple[tuple[str, ...], ...] = ()


def specification(data: FigureData, labels: Labels) -> Specification:
    """The specification of a figure: plain JSON, the same for the same data."""
    match data:
        case Shares():
            body = _shares(data)
        case SharesByRow():
            body = _shares_by_row(data, labels)
        case DailySeries():
            body = _daily_series(data, labels)
        case StackedSeries():
            body = _stacked_series(data, labels)
        case _:
            assert_never(data)
    return {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "config": _CONFIG, **body}


_CONFIG: Specification = {
    "aria": False,  # the page gives each figure a description and its numbers as a table
    "font": SANS_OR_LIKE,
    "background": "white",
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": FONT_SIZE,
        "titleFontSize": FONT_SIZE,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": FAINT_INK,
        "tickColor": FAINT_INK,
    },
    "legend": {
        "orient": "bottom",
        "title": None,
        "labelFontSize": FONT_SIZE,
        "labelColor": INK,
        "symbolType": "square",
        "symbolStrokeWidth": 0,
        "columnPadding": 14,
        "labelLimit": LEGEND_LABEL,
    },
    "text": {"font": SANS_OR_LIKE, "fontSize": FONT_SIZE, "fill": INK},
}

NAMES = {"title": None, "ticks": False, "domain": False, "labelPadding": 6, "labelLimit": 150}
"""The axis of bars that have names."""


def _shares(data: Shares) -> Specification:
    order = [part.name for part in data.parts]
    values = [
        {"name": part.name, "share": value, "label": f"{value:.1%}", "other": part.key == OTHERS}
        for part, value in zip(data.parts, data.values, strict=True)
    ]
    return {
        "width": HALF_WIDTH,
        "height": {"step": BAR_HEIGHT},
        "data": {"values": values},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": order,
                "axis": NAMES,
            },
            "x": {"field": "share", "type": "quantitative", "axis": None, "scale": {"domainMin": 0}},
        },
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.72}},
                "encoding": {
                    "color": {
                        "condition": {"test": "datum.other", "value": OTHER},
                        "value": SINGLE,
                    },
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


def _shares_by_row(data: SharesByRow, labels: Labels) -> Specification:
    paint = colours(data.parts, labels.settled)
    values = []
    for row, shares in zip(data.rows, data.values, strict=True):
        start = 0.0
        for place, (part, share) in enumerate(zip(data.parts, shares, strict=True)):
            if share > 0:
                values.append(
                    {
                        "row": row,
                        "part": part.name,
                        "from": start,
                        "to": start + share,
                        "middle": start + share / 2,
                        "label": f"{share * 100:.1f}" if share >= NAMED_SHARE else "",
                        "letters": "white" if paint[place] in DARK else INK,
                    }
                )
            start += share
    return {
        "width": WIDTH,
        "height": {"step": ROW_HEIGHT},
        "data": {"values": values},
        "encoding": {
            "y": {
                "field": "row",
                "type": "nominal",
                "sort": list(data.rows),
                "scale": {"domain": list(data.rows)},
                "axis": NAMES,
            },
        },
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.74}, "stroke": "white", "strokeWidth": 0.8},
                "encoding": {
                    "x": {
                        "field": "from",
                        "type": "quantitative",
                        "scale": {"domain": [0, 1], "nice": False},
                        "axis": {"title": None, "format": ".0%", "tickCount": 5, "grid": False},
                    },
                    "x2": {"field": "to"},
                    "color": _colour("part", data.parts, paint),
                },
            },
            {
                "mark": {"type": "text", "fontSize": FONT_SIZE - 1},
                "encoding": {
                    "x": {"field": "middle", "type": "quantitative"},
                    "text": {"field": "label", "type": "nominal"},
                    "color": {"field": "letters", "type": "nominal", "scale": None},
                },
            },
        ],
    }


def _daily_series(data: DailySeries, labels: Labels) -> Specification:
    values = [
        {"day": day.isoformat(), "rate": rate}
        for day, rate in zip(data.days, data.rates, strict=True)
        if rate is not None
    ]
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "color": SINGLE, "width": {"band": 0.82}},
        "encoding": {"x": _days(data.days), "y": _rates(labels)},
    }
    unobserved = [day for day, rate in zip(data.days, data.rates, strict=True) if rate is None]
    layers = [*_unobserved(unobserved, data.days), bars, *_beginning(data.days, data.begins, labels)]
    layers += _events(data)
    return {"width": _series_width(data.days), "height": SERIES_HEIGHT, "layer": layers}


def _stacked_series(data: StackedSeries, labels: Labels) -> Specification:
    paint = colours(data.parts, labels.settled)
    values = [
        {"day": day.isoformat(), "part": part.name, "rate": rate, "place": place}
        for day, rates in zip(data.days, data.rates, strict=True)
        if rates is not None
        for place, (part, rate) in enumerate(zip(data.parts, rates, strict=True))
        if rate > 0
    ]
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "width": {"band": 0.86}, "stroke": "white", "strokeWidth": 0.3},
        "encoding": {
            "x": _days(data.days),
            "y": {**_rates(labels), "stack": "zero"},
            "color": _colour("part", data.parts, paint),
            "order": {"field": "place", "type": "quantitative"},
        },
    }
    unobserved = [day for day, rates in zip(data.days, data.rates, strict=True) if rates is None]
    layers = [*_unobserved(unobserved, data.days), bars, *_beginning(data.days, data.begins, labels)]
    return {"width": _series_width(data.days), "height": SERIES_HEIGHT, "layer": layers}


def _colour(field: str, parts: Sequence[Part], paint: Sequence[str]) -> Specification:
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": [part.name for part in parts], "range": list(paint)},
        "legend": {"columns": _legend_columns(parts)},
    }


def _legend_columns(parts: Sequence[Part]) -> int:
    """As many columns as fit the width, each as wide as its longest name."""
    widths = [LEGEND_SYMBOL + min(LEGEND_LABEL, LEGEND_CELL * cell_len(part.name)) for part in parts]
    for columns in range(min(LEGEND_COLUMNS, len(parts)), 1, -1):
        if sum(max(widths[place::columns]) for place in range(columns)) <= WIDTH:
            return columns
    return 1


def _series_width(days: Sequence[date]) -> int:
    return min(WIDTH, MAX_DAY_WIDTH * max(len(days), DAY_TICKS))


def _days(days: Sequence[date]) -> Specification:
    every = ceil(len(days) / DAY_TICKS)
    named = [day.isoformat() for day in _named_days(days, every)]
    return {
        "field": "day",
        "type": "ordinal",
        "scale": {"domain": [day.isoformat() for day in days]},
        "axis": {
            "title": None,
            "values": named,
            "labelAngle": 0,
            "labelExpr": "toNumber(slice(datum.value, 5, 7)) + '/' + toNumber(slice(datum.value, 8))",
            "labelOverlap": False,
            "grid": False,
        },
    }


def _named_days(days: Sequence[date], every: int) -> list[date]:
    """Days to write under a series: weeks counted from the first where that is enough, else even steps."""
    step = every if every <= 3 else 7 * ceil(every / 7)  # noqa: PLR2004 - a week is better than half a one
    return list(days[::step])


def _rates(labels: Labels) -> Specification:
    return {
        "field": "rate",
        "type": "quantitative",
        "axis": {
            "title": labels.rate,
            "titleAngle": 0,
            "titleAlign": "left",
            "titleAnchor": "end",
            "titleX": 0,
            "titleY": -16,
            "tickCount": 5,
            "domain": False,
            "ticks": False,
            "labelPadding": 5,
        },
        "scale": {"domainMin": 0, "nice": True},
    }


def _unobserved(unobserved: Sequence[date], days: Sequence[date]) -> list[Specification]:
    if not unobserved:
        return []
    return [
        {
            "data": {"values": [{"day": day.isoformat()} for day in unobserved]},
            "mark": {"type": "rect", "color": UNOBSERVED},
            "encoding": {"x": _days(days)},
        }
    ]


def _beginning(days: Sequence[date], begins: date | None, labels: Labels) -> list[Specification]:
    """A line where the period begins, with what is called what on either side."""
    if begins is None or begins not in days or begins == days[0]:
        return []
    day = [{"day": begins.isoformat()}]
    at_start: Specification = {**_days(days), "bandPosition": 0}
    text = {"type": "text", "y": -14, "baseline": "bottom", "color": FAINT_INK}
    return [
        {
            "data": {"values": day},
            "mark": {"type": "rule", "color": FAINT_INK, "strokeDash": [3, 3]},
            "encoding": {"x": at_start},
        },
        {
            "data": {"values": day},
            "mark": {**text, "align": "right", "dx": -5},
            "encoding": {"x": at_start, "text": {"value": labels.previous}},
        },
        {
            "data": {"values": day},
            "mark": {**text, "align": "left", "dx": 5},
            "encoding": {"x": at_start, "text": {"value": labels.current}},
        },
    ]


def _events(data: DailySeries) -> list[Specification]:
    """Lines where days begin that are pointed at, names above, the last one to the right of its line."""
    shown = [event for event in data.events if event.day in data.days]
    at_start: Specification = {**_days(data.days), "bandPosition": 0}
    layers: list[Specification] = []
    for place, event in enumerate(shown, start=1):
        values = [{"day": event.day.isoformat()}]
        last = place == len(shown)
        text = {"type": "text", "color": EVENT, "y": -2, "baseline": "bottom"}
        side = {"align": "left", "dx": -3} if last else {"align": "right", "dx": 3}
        layers += [
            {
                "data": {"values": values},
                "mark": {"type": "rule", "color": EVENT, "strokeWidth": 1.4},
                "encoding": {"x": at_start},
            },
            {
                "data": {"values": values},
                "mark": {**text, **side},
                "encoding": {"x": at_start, "text": {"value": event.name}},
            },
        ]
    return layers
