"""`teiten-agent count`: tally captures; no configuration, no spool."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from teiten_agent import _core, captures
from teiten_agent.errors import InputError
from teiten_agent.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from teiten_agent.rules import Library

BYTES_AT_ONCE = 1 << 27
"""Bytes of a capture between two returns to Python: a fraction of a second, so that Ctrl-C stays prompt."""

_MALFORMED = "malformed."


@dataclass(frozen=True, slots=True)
class Asked:
    """What to count, and how.

    Attributes:
        names: Captures, and folders that stand for theirs.
        monitored: Networks whose traffic counts; none for every destination.
        rules: The signatures that packets are held against; None for none.
        threads: Most threads to count on; no sum depends on it.
    """

    names: Sequence[str]
    monitored: Sequence[str] = ()
    rules: Library | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over everything counted.

    Attributes:
        counters: What became of every record.
        keys: Each key with packets and bytes, most packets first.
        classes: Packets by class.
        tools: Packets by the tool that sent them.
        detections: Detections by number of the signature.
    """

    counters: dict[str, int]
    keys: tuple[tuple[str, int, int], ...]
    classes: dict[str, int]
    tools: dict[str, int]
    detections: dict[int, int]

    @classmethod
    def of(cls, sums: _core.Sums) -> Self:
        """Take them from the core."""
        keys = ((key, packets, size) for key, (packets, size) in sums.keys().items())
        return cls(
            sums.counters,
            tuple(sorted(keys, key=lambda row: (-row[1], row[0]))),
            sums.classes(),
            sums.tools(),
            sums.signatures(),
        )

    @property
    def malformed(self) -> dict[str, int]:
        """Records that were not counted because of their form, by reason."""
        return {
            name.removeprefix(_MALFORMED): count
            for name, count in sorted(self.counters.items())
            if name.startswith(_MALFORMED) and count
        }

    def document(self) -> dict[str, object]:
        """What `count --json` prints."""
        return {
            "packets": self.counters["packets"],
            "bytes": self.counters["bytes"],
            "counted": self.counters["counted"],
            "not_monitored": self.counters["not_monitored"],
            "malformed": self.malformed,
            "keys": {key: {"packets": packets, "bytes": size} for key, packets, size in self.keys},
            "classes": dict(sorted(self.classes.items())),
            "tools": dict(sorted(self.tools.items())),
            "detections": {str(sid): count for sid, count in sorted(self.detections.items())},
        }


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted.

    Attributes:
        totals: The sums.
        faults: One sentence for each capture that could not be read to its end.
    """

    totals: Totals
    faults: tuple[str, ...]


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count(asked: Asked, notice: Callable[[str], None]) -> Count:
    """Tally captures, in the order in which they are named; a folder stands for its captures.

    What lies before a fault is counted. A capture that cannot even be opened is a fault of its own.

    Raises:
        InputError: None of them could be opened.
    """
    rules = None if asked.rules is None else asked.rules.core
    sums = _core.Sums(asked.monitored, threads=asked.threads, rules=rules)
    faults: list[str] = []
    opened = 0
    for source in captures.find(asked.names, notice):
        try:
            capture = captures.open_capture(source)
        except InputError as error:
            faults.append(error.what)
            continue
        opened += 1
        with Progress(f"counting {source.name}", capture.size) as progress:
            while not capture.exhausted:
                sums.advance(capture, BYTES_AT_ONCE)
                progress.update(capture.position)
        fault = captures.fault_of(source, capture)
        if fault is not None:
            faults.append(fault)
    if not opened:
        raise InputError("\n".join(faults))
    return Count(Totals.of(sums), tuple(faults))


def table(totals: Totals, top: int, rules: Library | None) -> str:
    """The sums as text: the keys with most packets, detections, classes, tools, and the sum line."""
    rows = totals.keys
    shown = rows[:top]
    width = max((len(key) for key, _, _ in shown), default=3)
    lines = [f"{'key':<{width}}  {'packets':>14}  {'bytes':>16}  {'share':>6}"]
    counted = totals.counters["counted"]
    for key, packets, size in shown:
        lines.append(f"{key:<{width}}  {packets:>14,}  {size:>16,}  {packets / counted:>6.1%}")
    if len(rows) > len(shown):
        packets = sum(row[1] for row in rows[top:])
        size = sum(row[2] for row in rows[top:])
        lines.append(f"{'...':<{width}}  {packets:>14,}  {size:>16,}  {packets / counted:>6.1%}")
        lines.append(f"({len(rows) - len(shown):,} more keys; --top {len(rows)} shows all)")
    lines.append("")
    lines += _detections(totals, top, rules)
    for title, counts in (
        ("classes", totals.classes),
        ("tools", totals.tools),
        ("malformed", totals.malformed),
    ):
        named = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=_most_first))
        if named:
            lines.append(f"{title}: {named}")
    malformed = sum(totals.malformed.values())
    lines.append(
        f"{totals.counters['packets']:,} packets = {counted:,} counted ({totals.counters['bytes']:,} bytes)"
        f" + {totals.counters['not_monitored']:,} not monitored + {malformed:,} malformed"
    )
    return "\n".join(lines)


def _detections(totals: Totals, top: int, rules: Library | None) -> list[str]:
    """The signatures with most detections, and a blank line behind them."""
    if rules is None or not totals.detections:
        return []
    from teiten_agent.rules.listing import title_of  # noqa: PLC0415  # only where there is anything to name

    titles = {rule.sid: title_of(rule.message) for rule in rules.core.signatures()}
    ordered = sorted(totals.detections.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{'sid':>10}  {'detections':>12}  signature"]
    lines += [f"{sid:>10}  {count:>12,}  {titles.get(sid, '')}" for sid, count in ordered[:top]]
    if len(ordered) > top:
        lines.append(f"{'...':>10}  {sum(count for _, count in ordered[top:]):>12,}")
    return [*lines, ""]


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
