"""The specification says what the implementation does."""

from __future__ import annotations

import re
from pathlib import Path

from teiten_protocol import (
    Batch,
    Class,
    DetectionColumns,
    ExampleColumns,
    Fault,
    Form,
    QuotedColumns,
    SketchColumns,
    Step,
    Tool,
    TupleColumns,
    decode,
    digest,
    encode,
    limits,
)
from teiten_protocol.codec import FIELDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "batch-format.md").read_text(encoding="utf-8")


def test_the_worked_example_is_the_body_of_the_batch_it_describes(batch: Batch) -> None:
    found = re.search(r"```hex\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    body = bytes.fromhex(found[1])
    assert body == encode(batch)
    assert decode(body) == batch
    assert f"`{digest(body).hex()}`" in PAGE


def test_fields_and_columns_stand_in_the_order_of_the_page() -> None:
    numbered = re.findall(r"^\| \d{1,2} \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert numbered == [
        *FIELDS,
        "examples",
        *TupleColumns.NAMES,
        *DetectionColumns.NAMES,
        *QuotedColumns.NAMES,
        *SketchColumns.NAMES,
        *ExampleColumns.NAMES,
    ]


def test_limits_codes_and_faults_are_those_of_the_page() -> None:
    for limit in (
        limits.MAX_BODY_BYTES,
        limits.MAX_COMPRESSED_BYTES,
        limits.MAX_ROWS,
        limits.MAX_DETECTIONS,
        limits.MAX_QUOTED,
        limits.MAX_SKETCHES,
        limits.MAX_EXAMPLES,
        limits.EXAMPLE_BYTES,
        limits.SKETCH_REGISTERS,
        limits.MAX_SPANS,
        limits.MAX_COUNTERS,
    ):
        assert re.search(rf"(?<![\d,]){limit:,}(?![\d,])|(?<![\d,]){limit}(?![\d,])", PAGE), limit
    for pattern in (limits.SENSOR_ID.pattern, limits.COUNTER_NAME.pattern, limits.MEDIA_TYPE):
        assert f"`{pattern}`" in PAGE or pattern in PAGE
    assert ", ".join(f"{member.value} {member.text}" for member in Class) in PAGE
    assert ", ".join(f"{member.value} {member.text}" for member in Tool) in PAGE
    for tool in Tool:
        assert tool.confidence is None or f"{tool.text} ({tool.confidence.text})" in PAGE
    assert ", ".join(f"{member.value} {member.text}" for member in Step) in PAGE
    assert [
        int(form) for form in re.findall(r"^\| (\d) \| .*? \| .*? \| `\S+` \|", PAGE, re.MULTILINE)
    ] == list(Form)
    assert re.findall(
        r"^\| `(\w+)` \|", PAGE.split("Kinds of fault")[1].split("\n#")[0], re.MULTILINE
    ) == list(Fault)
