"""One source comes again and again, by the clock: "特定の IP アドレスからの定期的なアクセス"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.ground import MATERIAL_PACKETS
from teiten_collector.analysis.findings.single_source import explained_rate, explained_share
from teiten_collector.analysis.flows import source_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from teiten_collector.analysis.findings.ground import Ground

LEAST_VISITS = 12
"""Fewer visits are no rhythm."""
REGULAR_SHARE = 0.9
"""Of the gaps between visits, so many must be alike."""
TOLERANCE = 0.1
"""Alike: within this share of their median, or a minute."""
VISIT_SHARE = 4
"""Minutes closer than this part of the median gap are one visit."""
LEAST_GAP = 5
"""In minutes: what comes more often is a stream."""


def periodic_sources(ground: Ground) -> Iterator[Finding]:
    """Findings about sources that send much of a leading key."""
    for row in ground.ports:
        for share in ground.shares(row.key):
            rhythm = find_rhythm(ground.minutes.get((share.source, row.key), []))
            sent = ground.sent(share.source, row.key)
            packets = sum(flow.packets for flow in sent)
            if rhythm is None or packets < MATERIAL_PACKETS or row.count == 0:
                continue
            every, visits = rhythm
            before = ground.sent_then(share.source, row.key)
            yield Finding(
                Kind.PERIODIC_SOURCE,
                Part.ACCESS,
                row.key,
                ground.first_seen(share.source, row.key) or ground.days[min(flow.day for flow in sent)],
                ground.days[max(flow.day for flow in sent)],
                explained_rate(ground, row, packets, before),
                {
                    "source": source_text(share.source, ground.accesses.family),
                    "country": share.country,
                    "every_seconds": every * 60,
                    "visits": visits,
                    "packets": packets,
                    "share": packets / row.count,
                    "explains": explained_share(ground, row, packets, before),
                    "seen_before": before > 0,
                },
            )


def find_rhythm(minutes: Sequence[int]) -> tuple[int, int] | None:
    """The minutes between visits and how many visits there were; None where there is no rhythm.

    Were visits a Poisson process, a gap would lie within a tenth of the median with probability 0.07: nine in
    ten of twelve visits' gaps do with less than 1e-9.
    """
    if len(minutes) < LEAST_VISITS:
        return None
    moments = np.asarray(minutes)
    gaps = np.diff(moments)
    # A visit can last some minutes: the gap between visits is looked for among gaps that are not within one.
    for least in (1, 2, 4, 8, 16, 32):
        starts = moments[np.concatenate([[True], gaps > least])]
        if len(starts) < LEAST_VISITS:
            return None
        between = np.diff(starts)
        median = float(np.median(between))
        if median < max(LEAST_GAP, least * VISIT_SHARE):
            continue
        alike = np.abs(between - median) <= max(TOLERANCE * median, 1.0)
        if alike.mean() >= REGULAR_SHARE:
            return round(float(between[alike].mean())), len(starts)
    return None
