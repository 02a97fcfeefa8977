"""Colours that stay apart for the colour-blind and in grey.

Paul Tol's "medium-contrast" scheme (Colour Schemes, technical note SRON/EPS/TN/09-002, issue 3.2, figure 3):
three hues in a dark and a light tone, made to work printed in grey. Dark and light take turns, so that
neighbours in a stack differ in lightness too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.figures.data import OTHERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_collector.report.figures.data import Part

STACK = ("#004488", "#EECC66", "#997700", "#EE99AA", "#994455", "#6699CC")
OTHER = "#C8C8C8"
SINGLE = STACK[0]
INK = "#222222"
FAINT_INK = "#666666"
GRID = "#DDDDDD"
UNOBSERVED = "#EDEDED"
EVENT = "#994455"
DARK = frozenset({"#004488", "#994455", "#997700"})
"""Colours that take white letters: a contrast of at least 4.3 to 1 against white."""


def colours(parts: Sequence[Part], settled: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """A colour for each part.

    What leads the whole report keeps one colour in every figure of it; other parts take the colours left.

    Args:
        parts: The parts of one figure.
        settled: Keys whose colours are settled, in the order of their colours: of countries, of ports.
    """
    keys = [part.key for part in parts]
    chosen = {
        key: colour for kind in settled for key, colour in zip(kind, STACK, strict=False) if key in keys
    }
    free = [colour for colour in STACK if colour not in chosen.values()]
    for key in keys:
        if key == OTHERS:
            chosen[key] = OTHER
        elif key not in chosen:
            chosen[key] = free.pop(0) if free else OTHER
    return tuple(chosen[key] for key in keys)
