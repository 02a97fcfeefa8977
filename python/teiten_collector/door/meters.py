"""What the door counts of its work, and how Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of the histogram of acknowledgements: around a sync, to beyond any patience."""


class Meters:
    """Sums since the start. Used by the event loop alone."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.new = 0
        self.repeated = 0
        self.bundles = 0
        self.body_bytes = 0
        self.broken_off = 0
        self._seconds = [0] * (len(SECONDS) + 1)
        self._seconds_sum = 0.0

    def acknowledged(self, seconds: float) -> None:
        """Count a request with batches that was answered, by how long that took from its head on."""
        self._seconds[bisect_left(SECONDS, seconds)] += 1
        self._seconds_sum += seconds

    def families(self) -> Iterator[Family]:
        """Everything counted here."""
        batches = [({"verdict": "new"}, self.new), ({"verdict": "repeat"}, self.repeated)]
        yield Family("teiten_collector_batches_total", "counter", "Batches acknowledged.", batches)
        yield single(
            "teiten_collector_bundles_total", "counter", "Requests with several batches.", self.bundles
        )
        yield single(
            "teiten_collector_body_bytes_total", "counter", "Bytes of bodies that were read.", self.body_bytes
        )
        yield single(
            "teiten_collector_broken_off_total",
            "counter",
            "Requests whose sender went away in their midst.",
            self.broken_off,
        )
        name = "teiten_collector_acknowledgement_seconds"
        yield Family(
            name,
            "histogram",
            "From a request's head to its answer, for requests with batches.",
            [
                *(
                    ({"le": bound}, count)
                    for bound, count in zip(
                        [*map(str, SECONDS), "+Inf"], accumulate(self._seconds), strict=True
                    )
                )
            ],
            suffix="_bucket",
            more=((f"{name}_sum", self._seconds_sum), (f"{name}_count", sum(self._seconds))),
        )


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with its samples: labels and a value each."""

    name: str
    kind: str
    text: str
    samples: Iterable[tuple[Mapping[str, str], float]]
    suffix: str = ""
    more: tuple[tuple[str, float], ...] = ()


def single(name: str, kind: str, text: str, value: float) -> Family:
    """A metric of one sample without labels."""
    return Family(name, kind, text, [({}, value)])


def exposition(families: Iterable[Family]) -> str:
    """What `/metrics` answers."""
    lines: list[str] = []
    for family in families:
        lines += [f"# HELP {family.name} {family.text}", f"# TYPE {family.name} {family.kind}"]
        for labels, value in family.samples:
            inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            lines.append(
                f"{family.name}{family.suffix}{{{inside}}} {value!r}"
                if inside
                else f"{family.name} {value!r}"
            )
        lines += [f"{name} {value!r}" for name, value in family.more]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
