"""One thing said in both languages."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Language(StrEnum):
    """A language to explain in."""

    JAPANESE = "ja"
    ENGLISH = "en"


class Words(NamedTuple):
    """One thing said in both languages."""

    japanese: str
    english: str

    def in_(self, language: Language) -> str:
        """The words of one language."""
        return self.japanese if language is Language.JAPANESE else self.english


def words_of(value: str) -> dict[str, str]:
    """The words of an option that come in pairs of name and value, separated by commas."""
    pairs = (word.strip().partition(" ") for word in value.split(","))
    return {key: rest.strip() for key, _, rest in pairs}
