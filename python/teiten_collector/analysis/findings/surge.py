"""A key rose for some days of the period: "8 月 12 日から 17 日にかけて、アクセスの増加が見られた"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.new_key import is_new

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_collector.analysis.findings.ground import Ground

LEAST_RATIO = 1.5
"""A rise to less than so many times the rate before is no surge."""


def surges(ground: Ground) -> Iterator[Finding]:
    """Findings about keys that the compared period had too; keys that it had not are new."""
    for row in ground.ports:
        rise = ground.rises.get(row.key)
        if rise is None or rise.first is None or rise.last is None or is_new(ground, row):
            continue
        days = slice(rise.first, rise.last + 1)
        packets = float(ground.key_days(row.key)[0][days].sum())
        exposure = float(ground.exposure_now[days].sum())
        rate = packets / exposure
        if rate < LEAST_RATIO * rise.before_rate:
            continue
        excess = (packets - rise.before_rate * exposure) / ground.accesses.current.days
        yield Finding(
            Kind.SURGE,
            Part.ACCESS,
            row.key,
            ground.days[rise.first],
            ground.days[rise.last],
            min(excess, max(row.change or 0.0, 0.0)),
            {
                "rate": rate,
                "before_rate": rise.before_rate,
                "days_elevated": len(rise.elevated),
                "probability": rise.probability,
                "dispersion": rise.dispersion,
            },
        )
