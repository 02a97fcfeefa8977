"""What a report says in fixed words, in each of its languages: headings, captions, sentences with gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.wording.english import ENGLISH
from teiten_collector.report.wording.japanese import JAPANESE
from teiten_collector.report.wording.wording import Wording

if TYPE_CHECKING:
    from teiten_collector.config import Language

__all__ = ["WORDING", "Wording"]

WORDING: dict[Language, Wording] = {"ja": JAPANESE, "en": ENGLISH}
