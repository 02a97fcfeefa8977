"""Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Kind(Enum):
    """What a number does."""

    COUNTER = "counter"
    """It only rises, but for a restart."""
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Attributes:
        name: Its name.
        kind: What its numbers do.
        text: What it says, in one line.
        label: The name of the one label that tells its samples apart; empty for a metric of one sample.
        samples: The label's value and the number of each sample.
    """

    name: str
    kind: Kind
    text: str
    label: str
    samples: tuple[tuple[str, float], ...]


def exposition(families: Iterable[Family]) -> str:
    """The families as text."""
    lines: list[str] = []
    for family in families:
        lines += [
            f"# HELP {family.name} {_escaped(family.text)}",
            f"# TYPE {family.name} {family.kind.value}",
        ]
        for value, number in family.samples:
            inside = f'{{{family.label}="{_quoted(value)}"}}' if family.label else ""
            lines.append(f"{family.name}{inside} {number!r}")
    return "\n".join(lines) + "\n"


def read(text: str) -> dict[str, float]:
    """Numbers by name and label, as `exposition` writes them; lines that are none are passed over."""
    numbers: dict[str, float] = {}
    for line in text.splitlines():
        name, _, number = line.rpartition(" ")
        if name and not line.startswith("#"):
            try:
                numbers[name] = float(number)
            except ValueError:
                continue
    return numbers


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
