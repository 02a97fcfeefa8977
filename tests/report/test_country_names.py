"""Countries have the names that the reference prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from teiten_collector.report.country_names import country_name

if TYPE_CHECKING:
    from teiten_collector.config import Language


@pytest.mark.parametrize(
    ("code", "japanese", "english"),
    [
        ("CN", "中国", "China"),
        ("US", "米国", "United States"),
        ("GB", "英国", "United Kingdom"),
        ("HK", "香港", "Hong Kong"),
        ("ZZ", "不明", "Unknown"),
        ("QX", "QX", "QX"),
    ],
)
def test_a_country_has_its_name_in_both_languages(code: str, japanese: str, english: str) -> None:
    languages: dict[Language, str] = {"ja": japanese, "en": english}
    assert {language: country_name(code, language) for language in languages} == languages
