"""Every figure of the report: its data, its Vega-Lite specification, and its drawing.

A figure is one of four kinds. `data` says what each holds, `specification` is the one place that turns it
into a specification, the same for the page and for paper, and `drawing` turns a specification into SVG.
"""

from teiten_collector.report.figures.data import (
    DailySeries,
    Event,
    FigureData,
    Part,
    Shares,
    SharesByRow,
    StackedSeries,
)
from teiten_collector.report.figures.drawing import draw
from teiten_collector.report.figures.specification import Labels, specification

__all__ = [
    "DailySeries",
    "Event",
    "FigureData",
    "Labels",
    "Part",
    "Shares",
    "SharesByRow",
    "StackedSeries",
    "draw",
    "specification",
]
