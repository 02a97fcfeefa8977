"""Every table of the document as CSV (RFC 4180, UTF-8), unrounded, a file a table, named as its place.

`access.ports.csv` holds the rows of `access.ports`. Tables of tables become long ones:
`access.ports_by_country.csv` has `subject,part,count`; a series has a line a day without a part, and one for
each part.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from teiten_collector.report.reading import Content

_SECTIONS: Final = ("access", "access_ipv6", "signatures", "signatures_ipv6")
_LISTS: Final = ("bulletins", "findings", "categories", "survey_scanners")
_MISSING: Final = ("missing", "compare_missing")
_SERIES: Final = ("subject", "day", "exposure", "count", "part", "rate")


def spreadsheets(content: Content) -> Iterator[tuple[str, bytes]]:
    """Each table that has rows: the name of its file, and the file."""
    for name in _SECTIONS:
        for key, value in (content.get(name) or {}).items():
            yield from _table(f"{name}.{key}", value)
    for name in _LISTS:
        yield from _table(name, content.get(name) or [])
    for name in _MISSING:
        yield from _table(name, content.get(name) or {})


def _table(name: str, value: object) -> Iterator[tuple[str, bytes]]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if name.rsplit(".", maxsplit=1)[-1] == "series" or "exposure" in value[0]:
            yield _file(name, _SERIES, _days("", value))
        else:
            yield _rows(name, value)
    elif isinstance(value, dict) and value:
        inner = list(value.values())
        if name.endswith(("series.ports", "series.countries", "series.categories")):
            yield _file(name, _SERIES, [row for key, days in value.items() for row in _days(key, days)])
        elif all(isinstance(found, dict) for found in inner) and "_by_" in name:
            rows = [(key, part, count) for key, parts in value.items() for part, count in parts.items()]
            yield _file(name, ("subject", "part", "count"), rows)
        elif "key" in value:
            yield _rows(name, [value])
        else:
            for key, found in value.items():
                yield from _table(f"{name}.{key}", found)


def _rows(name: str, rows: Sequence[Mapping[str, object]]) -> tuple[str, bytes]:
    """A table of entries that have the same names; what is no plain value stands as JSON."""
    head = list(dict.fromkeys(key for row in rows for key in row if key != "series"))
    return _file(name, head, [[_plain(row.get(key)) for key in head] for row in rows])


def _days(subject: str, days: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for day in days:
        of_day = (subject, day["day"], day.get("exposure"))
        found.append((*of_day, day.get("count"), "", day["rate"]))
        parts = next((value for value in day.values() if isinstance(value, dict)), {})
        found += [(*of_day, None, part, rate) for part, rate in parts.items()]
    return found


def _plain(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _file(name: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[str, bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return f"{name}.csv", text.getvalue().encode()
