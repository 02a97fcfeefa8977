"""Most probes of a key have one source port: "アクセスのほとんどが発信元ポート 6000"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.ground import MATERIAL_PACKETS, MOST
from teiten_protocol import parse_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_collector.analysis.findings.ground import Ground


def fixed_source_ports(ground: Ground) -> Iterator[Finding]:
    """Findings about leading keys of TCP and UDP.

    A source port that equals the destination port is how NTP, IKE and NetBIOS speak, and says nothing.
    """
    for row in ground.ports:
        use = ground.ports_now.get(row.key)
        if use is None or row.rate is None or row.rate < ground.material_rate or use.total < MATERIAL_PACKETS:
            continue
        if not row.key.endswith(("/TCP", "/UDP")):
            continue
        share = use.packets / use.total
        if share < MOST or use.source_port in {0, parse_key(row.key)[1]}:
            continue
        yield Finding(
            Kind.FIXED_SOURCE_PORT,
            Part.ACCESS,
            row.key,
            ground.days[0],
            ground.days[-1],
            share * abs(row.change if row.change is not None else row.rate),
            {
                "source_port": use.source_port,
                "share": share,
                "packets": use.packets,
                "sources": use.sources,
            },
        )
