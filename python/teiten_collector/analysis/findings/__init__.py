"""Findings: the sentences that say why, each with what it rests on.

One module a kind. `find` runs them all and ranks what they found by how much of the change it explains.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from teiten_collector.analysis.findings.backscatter_burst import Victim, backscatter_bursts, victims
from teiten_collector.analysis.findings.countries import changes, concentrations
from teiten_collector.analysis.findings.detections import detection_sources
from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.fixed_source_port import fixed_source_ports
from teiten_collector.analysis.findings.ground import Ground, make_ground
from teiten_collector.analysis.findings.new_key import gone_keys, new_keys
from teiten_collector.analysis.findings.periodic_source import periodic_sources
from teiten_collector.analysis.findings.single_source import single_sources
from teiten_collector.analysis.findings.surge import surges
from teiten_protocol import Family

if TYPE_CHECKING:
    from teiten_collector.analysis.signatures import Detections

__all__ = ["Finding", "Ground", "Kind", "Part", "Victim", "find", "make_ground", "victims"]


_IPV6 = {Part.ACCESS: Part.ACCESS_IPV6, Part.SIGNATURES: Part.SIGNATURES_IPV6}


def find(ground: Ground, detections: Detections) -> tuple[Finding, ...]:
    """Every finding of one address family, the one that explains most of the change first."""
    found: list[Finding] = []
    if ground.accesses.current.days > 0:
        for look in (
            single_sources,
            backscatter_bursts,
            surges,
            new_keys,
            gone_keys,
            changes,
            concentrations,
            periodic_sources,
            fixed_source_ports,
        ):
            found += look(ground)
    found += detection_sources(detections)
    if ground.accesses.family is Family.IPV6:
        found = [replace(finding, part=_IPV6[finding.part]) for finding in found]
    order = list(Kind)
    return tuple(
        sorted(
            found,
            key=lambda finding: (
                -finding.explained,
                order.index(finding.kind),
                finding.subject,
                str(finding.evidence),
            ),
        )
    )
