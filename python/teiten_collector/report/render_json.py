"""The report as JSON, laid out so that people and `diff` can read it: a row a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from teiten_collector.report.content import to_content

if TYPE_CHECKING:
    from teiten_collector.report.document import Document

_LINE = 400
"""A row longer than this, as text, is written over several lines."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def to_json(document: Document) -> str:
    """The document as JSON, ending in a newline. A row is as `teiten_collector.analysis.ranks.Row`."""
    return _written(to_content(document), "") + "\n"


def _written(value: object, indent: str) -> str:
    """JSON with a row a line: what stands in a list is written on one line unless it is long."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        lines = [f"{deeper}{_compact(key)}: {_written(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"{deeper}{_row(item, deeper)}" for item in value) + f"\n{indent}]"
    return _compact(value)


def _row(item: object, indent: str) -> str:
    line = _compact(item)
    return line if len(line) <= _LINE else _written(item, indent)


def _compact(value: object) -> str:
    return _ENCODER.encode(value)
