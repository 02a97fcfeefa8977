"""Names of countries and regions in the report's languages.

From the Unicode Common Locale Data Repository, by Babel. Where that has only a long official form, the short
one that the reports of the National Police Agency of Japan use, or its English counterpart.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from babel import Locale

if TYPE_CHECKING:
    from teiten_collector.config import Language

_SHORT: dict[Language, dict[str, str]] = {
    "ja": {"US": "米国", "GB": "英国", "HK": "香港", "MO": "マカオ", "ZZ": "不明"},
    "en": {"HK": "Hong Kong", "MO": "Macao", "ZZ": "Unknown"},
}


def country_name(code: str, language: Language) -> str:
    """The name of a country by its ISO 3166-1 code of two letters; the code itself where it has none."""
    short = _SHORT[language].get(code)
    return short or _territories(language).get(code, code)


@cache
def _territories(language: Language) -> dict[str, str]:
    return {str(code): str(name) for code, name in Locale.parse(language).territories.items()}
