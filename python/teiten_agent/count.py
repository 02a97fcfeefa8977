"""`teiten-agent count`: tally captures; no configuration, no spool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_agent import captures
from teiten_agent.errors import InputError
from teiten_agent.observe import CountingSettings, CountTotals, observe
from teiten_agent.progress import Progress
from teiten_agent.rules.listing import title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from teiten_agent.rules import Library


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted.

    Attributes:
        totals: The sums.
        faults: One sentence for each capture that could not be read to its end.
    """

    totals: CountTotals
    faults: tuple[str, ...]


def count(
    names: Sequence[str], monitored: Sequence[str], rules: Library | None, notice: Callable[[str], None]
) -> Count:
    """Tally captures, in the order in which they are named; a folder stands for its captures.

    What lies before a fault is counted. A capture that cannot even be opened is a fault of its own.

    Raises:
        InputError: None of them could be opened.
    """
    observer = CountingSettings(monitored=tuple(monitored), interval_seconds=0, rules=rules).observer(seed=0)
    totals = CountTotals()
    faults: list[str] = []
    opened = 0
    for source in captures.find(names, notice):
        try:
            capture = captures.open_capture(source)
        except InputError as error:
            faults.append(error.what)
            continue
        opened += 1
        with Progress(f"counting {source.name}", capture.size) as progress:
            for interval in observe(observer, capture):
                progress.update(capture.position)
                if interval is not None:
                    totals.add(interval)
        fault = captures.fault_of(source, capture)
        if fault is not None:
            faults.append(fault)
    if not opened:
        raise InputError("\n".join(faults))
    last = observer.finish()
    if last is not None:
        totals.add(last)
    return Count(totals, tuple(faults))


def table(totals: CountTotals, top: int, rules: Library | None) -> str:
    """The sums as text: the keys with most packets, detections, classes, tools, and the sum line."""
    rows = totals.keys()
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


def _detections(totals: CountTotals, top: int, rules: Library | None) -> list[str]:
    """The signatures with most detections, and a blank line behind them."""
    if rules is None or not totals.detections:
        return []
    titles = {rule.sid: title_of(rule.message) for rule in rules.core.signatures()}
    ordered = sorted(totals.detections.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{'sid':>10}  {'detections':>12}  signature"]
    lines += [f"{sid:>10}  {count:>12,}  {titles.get(sid, '')}" for sid, count in ordered[:top]]
    if len(ordered) > top:
        lines.append(f"{'...':>10}  {sum(count for _, count in ordered[top:]):>12,}")
    return [*lines, ""]


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
