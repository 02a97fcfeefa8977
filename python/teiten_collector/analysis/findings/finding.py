"""What a finding is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


class Kind(StrEnum):
    """What a finding says."""

    SINGLE_SOURCE = "single-source"
    FIXED_SOURCE_PORT = "fixed-source-port"
    COUNTRY_CONCENTRATION = "country-concentration"
    COUNTRY_CHANGE = "country-change"
    PERIODIC_SOURCE = "periodic-source"
    BACKSCATTER_BURST = "backscatter-burst"
    NEW_KEY = "new-key"
    GONE_KEY = "gone-key"
    CATEGORY_SINGLE_SOURCE = "category-single-source"
    SURGE = "surge"


class Part(StrEnum):
    """Which part of the report a finding is about."""

    ACCESS = "access"
    SIGNATURES = "signatures"
    ACCESS_IPV6 = "access_ipv6"
    SIGNATURES_IPV6 = "signatures_ipv6"

    @property
    def of_detections(self) -> bool:
        """Whether it is about what signatures detected."""
        return self in {Part.SIGNATURES, Part.SIGNATURES_IPV6}

    @property
    def of_prefixes(self) -> bool:
        """Whether its rates are of monitored /64 prefixes."""
        return self in {Part.ACCESS_IPV6, Part.SIGNATURES_IPV6}


Evidence = dict[str, object]
"""Values that JSON knows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the report, before it is words.

    Attributes:
        kind: What it says.
        part: Which part of the report it is about.
        subject: A key, a country's code or a category's id.
        first: The first day it speaks of.
        last: The last day.
        explained: How much of the change it accounts for: a rate, 0 or more. Findings are ranked by it.
        evidence: What it rests on, by names that docs/reference/report-format.md lists.
    """

    kind: Kind
    part: Part
    subject: str
    first: date
    last: date
    explained: float
    evidence: Mapping[str, object] = field(default_factory=dict)
