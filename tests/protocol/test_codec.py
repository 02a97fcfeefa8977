"""A body is a batch in its one form, or a `BatchError`."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import msgpack  # type: ignore[import-untyped] # the package ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_protocol import (
    Batch,
    BatchError,
    BatchKey,
    DetectionColumns,
    ExampleColumns,
    Family,
    Fault,
    Span,
    TupleColumns,
    decode,
    digest,
    encode,
    limits,
    tuple_columns,
    tuple_rows,
)
from teiten_protocol.columns import DETECTION_WIDTHS, TUPLE_WIDTHS
from teiten_protocol.rows import detection_columns, detection_rows
from tests.protocol.batches import batches

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(-(2**63), 2**64 - 1), inner, max_size=4)
    ),
    max_leaves=20,
)


def content(batch: Batch) -> dict[str, Any]:
    """The batch's body as plain values, for a test to spoil."""
    values: dict[str, Any] = msgpack.unpackb(encode(batch))
    return values


def refused(values: object) -> BatchError:
    """The error that a body of these values meets."""
    with pytest.raises(BatchError) as caught:
        decode(msgpack.packb(values, use_bin_type=True))
    return caught.value


@given(batches)
def test_a_batch_survives_the_wire(batch: Batch) -> None:
    body = encode(batch)
    again = decode(body)
    assert again == batch
    assert encode(again) == body
    assert tuple_columns(Family.IPV4, tuple_rows(again.ipv4)) == batch.ipv4
    assert tuple_columns(Family.IPV6, tuple_rows(again.ipv6)) == batch.ipv6
    assert detection_columns(detection_rows(again.detections)) == batch.detections


def test_equal_batches_have_one_body_whatever_the_order_of_their_counters(batch: Batch) -> None:
    turned = replace(batch, counters=dict(sorted(batch.counters.items(), reverse=True)))
    assert encode(turned) == encode(batch)
    assert digest(encode(turned)) == digest(encode(batch))


def test_a_batch_does_not_follow_later_changes_of_the_counters_given(batch: Batch) -> None:
    counters = {"packets": 1}
    made = replace(batch, counters=counters)
    counters["packets"] = -1
    assert dict(made.counters) == {"packets": 1}


@given(st.binary(max_size=400))
def test_any_bytes_are_a_batch_or_a_batch_error(body: bytes) -> None:
    try:
        batch = decode(body)
    except BatchError:
        return
    assert encode(batch) == body


@given(JUNK)
def test_any_msgpack_is_a_batch_or_a_batch_error(values: object) -> None:
    refused(values)


@given(batches, st.data())
def test_a_spoiled_body_is_another_batch_or_a_batch_error(batch: Batch, data: st.DataObject) -> None:
    body = bytearray(encode(batch))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        again = decode(bytes(body))
    except BatchError:
        return
    assert encode(again) == bytes(body)


@given(batches, st.data())
def test_a_body_cut_anywhere_is_refused(batch: Batch, data: st.DataObject) -> None:
    body = encode(batch)
    with pytest.raises(BatchError):
        decode(body[: data.draw(st.integers(0, len(body) - 1))])


@given(batches, st.data(), JUNK)
def test_a_field_of_any_other_value_is_refused_or_valid(
    batch: Batch, data: st.DataObject, junk: object
) -> None:
    values = content(batch)
    values[data.draw(st.sampled_from(sorted(values)))] = junk
    body = msgpack.packb(values, use_bin_type=True)
    try:
        again = decode(body)
    except BatchError:
        return
    assert encode(again) == body


def test_bytes_after_the_batch_are_refused(batch: Batch) -> None:
    with pytest.raises(BatchError) as caught:
        decode(encode(batch) + b"\xc0")
    assert caught.value.fault is Fault.ENCODING


def test_a_missing_an_unknown_and_a_misplaced_field_are_refused_by_name(batch: Batch) -> None:
    values = content(batch)
    missing = {name: value for name, value in values.items() if name != "spans"}
    assert "map of 15 fields" in str(refused(missing))
    assert "map of 15 fields" in str(refused(values | {"colour": 1}))
    assert "map of at most 16" in str(refused(values | {"colour": 1, "shape": 2}))
    assert refused(missing | {"colour": 1}).place == "spans"
    assert refused({"ipv4": values["ipv4"], **values}).place == "version"
    columns = values["ipv4"]
    assert refused(values | {"ipv4": columns | {"colour": b""}}).place == "ipv4"
    renamed = {("colour" if name == "flags" else name): column for name, column in columns.items()}
    assert refused(values | {"ipv4": renamed}).place == "ipv4.flags"


def test_an_unknown_version_is_told_before_anything_else(batch: Batch) -> None:
    error = refused(content(batch) | {"version": 3})
    assert (error.place, error.fault) == ("version", Fault.VERSION)
    assert refused({"version": 3, "anything": None}).fault is Fault.VERSION


def test_examples_make_version_2_and_a_batch_without_stays_version_1(batch: Batch) -> None:
    assert content(batch)["version"] == 1
    examples = ExampleColumns(1, bytes(4), bytes(4), b"\x04", bytes(16), b"\x02", b"ab".ljust(64, b"\0"))
    with_examples = content(replace(batch, examples=examples))
    assert (with_examples["version"], list(with_examples)[-1]) == (2, "examples")
    assert decode(msgpack.packb(with_examples, use_bin_type=True)).examples == examples
    assert "map of 16 fields" in str(refused(content(batch) | {"version": 2}))
    none = {name: 0 if name == "rows" else b"" for name in with_examples["examples"]}
    assert refused(with_examples | {"examples": none}).place == "examples.rows"
    for name, column in (("length", b"\0"), ("length", b"\x41"), ("length", b"\x01"), ("family", b"\x05")):
        columns = with_examples["examples"] | {name: column}
        assert refused(with_examples | {"examples": columns}).place.startswith("examples.")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", True),
        ("version", 1.0),
        ("sensor", b"tokyo-01"),
        ("sensor", ""),
        ("sensor", "Tokyo"),
        ("sensor", "-tokyo"),
        ("sensor", "tokyo\n"),
        ("sensor", "../tokyo"),
        ("sensor", "t" * 64),
        ("epoch", -1),
        ("epoch", 2**63),
        ("epoch", 1.0),
        ("epoch", False),
        ("epoch", None),
        ("sequence", -1),
        ("sequence", 2**31),
        ("settings", b"0" * 31),
        ("settings", b"0" * 33),
        ("settings", "0" * 32),
        ("spans", []),
        ("spans", {}),
        ("spans", [[1]]),
        ("spans", [[1, 2, 3]]),
        ("spans", [[2, 2]]),
        ("spans", [[-1, 2]]),
        ("spans", [[1, 2**63]]),
        ("spans", [[1, 2.0]]),
        ("spans", [[1, 3], [2, 4]]),
        ("spans", [[3, 4], [1, 2]]),
        ("spans", [[2 * index, 2 * index + 1] for index in range(limits.MAX_SPANS + 1)]),
        ("counters", {"Packets": 1}),
        ("counters", {"packets": -1}),
        ("counters", {"packets": 2**63}),
        ("counters", {"packets": 1.0}),
        ("counters", {"packets": True}),
        ("counters", {b"packets": 1}),
        ("counters", {1: 1}),
        ("counters", {"": 1}),
        ("counters", {"p" * 65: 1}),
        ("counters", {"b": 1, "a": 1}),
        ("counters", [["packets", 1]]),
        ("counters", {f"c{index:03}": 0 for index in range(limits.MAX_COUNTERS + 1)}),
        ("counters", msgpack.Timestamp(1)),
        ("sensor", msgpack.ExtType(1, b"")),
        ("ipv4", None),
        ("detections", []),
    ],
)
def test_a_value_of_another_type_or_over_its_bounds_by_one_is_refused(
    batch: Batch, field: str, value: object
) -> None:
    refused(content(batch) | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sensor", "t" * 63),
        ("epoch", 2**63 - 1),
        ("sequence", 2**31 - 1),
        ("spans", [[0, 2**63 - 1]]),
        ("spans", [[2 * index, 2 * index + 1] for index in range(limits.MAX_SPANS)]),
        ("counters", {}),
        ("counters", {"p" * 64: 2**63 - 1}),
        ("counters", {f"c{index:03}": 0 for index in range(limits.MAX_COUNTERS)}),
    ],
)
def test_a_value_at_its_bound_is_taken(batch: Batch, field: str, value: object) -> None:
    body = msgpack.packb(content(batch) | {field: value}, use_bin_type=True)
    assert encode(decode(body)) == body


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("field", TupleColumns.NAMES)
@pytest.mark.parametrize("by", [-1, 1])
def test_a_column_of_another_length_than_its_rows_is_refused(
    batch: Batch, family: Family, field: str, by: int
) -> None:
    place = f"ipv{int(family)}"
    values = content(batch)
    values[place][field] = bytes(TUPLE_WIDTHS[family][field] + by)
    assert refused(values).place == f"{place}.{field}"


@pytest.mark.parametrize("field", DETECTION_WIDTHS)
def test_a_column_of_detections_of_another_length_is_refused(batch: Batch, field: str) -> None:
    values = content(batch)
    values["detections"][field] += b"\0"
    assert refused(values).place == f"detections.{field}"


@pytest.mark.parametrize(
    ("place", "field", "column"),
    [
        ("ipv4", "form", b"\x00"),
        ("ipv4", "form", b"\x04"),  # ICMPv6 has no place over IPv4
        ("ipv4", "form", b"\x08"),
        ("ipv6", "form", b"\x03"),  # nor ICMP over IPv6
        ("ipv6", "value", b"\x00\x01"),  # 256 is no type
        ("ipv6", "flags", b"\x02"),
        ("ipv6", "source_port", b"\x00\x01"),  # 256 is no code
        ("ipv4", "class", b"\x00"),
        ("ipv4", "class", b"\x05"),
        ("ipv4", "tool", b"\x06"),
        ("ipv4", "packets", bytes(8)),
        ("ipv4", "packets", b"\x01" + bytes(6) + b"\x80"),
        ("ipv4", "bytes", bytes(7) + b"\x80"),
        ("detections", "family", b"\x05"),
        ("detections", "count", bytes(8)),
        ("detections", "count", bytes(7) + b"\x80"),
        ("detections", "source", bytes(11) + b"\x01" + bytes(4)),
        ("detections", "address", b"\x01" + bytes(15)),
    ],
)
def test_a_number_out_of_its_columns_bounds_is_refused(
    batch: Batch, place: str, field: str, column: bytes
) -> None:
    values = content(batch)
    values[place][field] = column
    error = refused(values)
    assert error.place == f"{place}.{field}"
    assert "row 0" in error.reason


@pytest.mark.parametrize(
    ("form", "field", "column"),
    [
        (5, "source_port", b"\x01\x00"),  # no port and no code
        (6, "value", b"\x2f\x00"),  # a later fragment of GRE is 47/IP
        (7, "value", b"\x02\x00"),
        (5, "flags", b"\x02"),
    ],
)
def test_a_number_that_its_form_does_not_allow_is_refused(
    batch: Batch, form: int, field: str, column: bytes
) -> None:
    values = content(batch)
    zero = {"value": b"\x06\x00", "source_port": bytes(2), "flags": bytes(1)}
    values["ipv4"] |= {"form": bytes([form])} | zero
    decode(msgpack.packb(values, use_bin_type=True))
    values["ipv4"][field] = column
    assert refused(values).place == f"ipv4.{field}"


def test_the_row_at_fault_is_named(batch: Batch) -> None:
    row = next(tuple_rows(batch.ipv4))
    columns = tuple_columns(Family.IPV4, [row, row, row])
    with pytest.raises(BatchError, match="row 1 is 9: no class"):
        replace(columns, class_=b"\x01\x09\x01")
    with pytest.raises(BatchError, match="row 2 is 0"):
        replace(columns, packets=columns.packets[:16] + bytes(8))
    with pytest.raises(BatchError, match="row 1 is not 0 where"):
        replace(columns, form=b"\x01\x02\x01")


def empty_row_columns(family: Family, rows: int) -> TupleColumns:
    """Rows that are valid with hardly any content."""
    zeros = {field: bytes(rows * TUPLE_WIDTHS[family][field]) for field in TupleColumns.NAMES}
    ones = b"\x01" * rows
    return TupleColumns(
        family,
        rows,
        *[
            ones
            if field in {"form", "class"}
            else b"\x01" * len(zeros[field])
            if field == "packets"
            else zeros[field]
            for field in TupleColumns.NAMES
        ],
    )


def test_rows_of_both_families_together_have_one_limit_and_fit_the_body(batch: Batch) -> None:
    full = replace(
        batch,
        ipv4=TupleColumns.empty(Family.IPV4),
        ipv6=empty_row_columns(Family.IPV6, limits.MAX_ROWS),
        detections=DetectionColumns(
            limits.MAX_DETECTIONS,
            *[
                b"\x06" * limits.MAX_DETECTIONS
                if field == "family"
                else b"\x01" * (width * limits.MAX_DETECTIONS)
                for field, width in DETECTION_WIDTHS.items()
            ],
        ),
    )
    largest = len(encode(full))
    names_and_counts = limits.MAX_COUNTERS * (limits.MAX_COUNTER_NAME_BYTES + 11)
    spans = limits.MAX_SPANS * 19
    assert largest + names_and_counts + spans + 1024 <= limits.MAX_BODY_BYTES
    with pytest.raises(BatchError, match="split the batch"):
        replace(full, ipv4=batch.ipv4)
    with pytest.raises(BatchError, match="rows"):
        empty_row_columns(Family.IPV4, limits.MAX_ROWS + 1)


def test_a_body_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(BatchError) as caught:
        decode(bytes(limits.MAX_BODY_BYTES + 1))
    assert caught.value.fault is Fault.SIZE


@pytest.mark.parametrize(
    "claim",
    [
        b"\xc6\xff\xff\xff\xff",  # 4 GiB of bytes
        b"\xdb\xff\xff\xff\xff",  # a text of 4 GiB
        b"\xdd\xff\xff\xff\xff",  # an array of 2**32 - 1
        b"\xdf\xff\xff\xff\xff",  # a map of 2**32 - 1
        b"\xc9\xff\xff\xff\xff\x01",  # an extension of 4 GiB
        b"\x91" * 100_000,  # arrays in arrays
        b"\xdc\xff\xff" * 1000,
    ],
)
def test_a_length_that_is_only_claimed_allocates_nothing(batch: Batch, claim: bytes) -> None:
    body = encode(batch)
    fields = ["sensor", "epoch", "settings", "spans", "counters", "ipv4", "rows", "minute", "detections"]
    places = [0, *(body.index(field.encode()) + len(field) for field in fields)]
    for place in places:
        spoiled = body[:place] + claim
        tracemalloc.start()
        try:
            with pytest.raises(BatchError):
                decode(spoiled)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1 << 20


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (b"\xa5epoch\x01", b"\xa5epoch\xcc\x01"),
        (b"\xa5epoch\x01", b"\xa5epoch\xd0\x01"),
        (b"\xa5epoch\x01", b"\xd9\x05epoch\x01"),
        (b"\xa8settings\xc4\x20", b"\xa8settings\xc5\x00\x20"),
        (b"\xa5spans\x91", b"\xa5spans\xdc\x00\x01"),
        (b"\xa8counters\x83", b"\xa8counters\xde\x00\x03"),
    ],
)
def test_longer_forms_of_a_number_or_length_are_refused(batch: Batch, short: bytes, long: bytes) -> None:
    body = encode(batch)
    assert body.count(short) == 1
    with pytest.raises(BatchError) as caught:
        decode(body.replace(short, long))
    assert caught.value.fault is Fault.CANONICAL


def test_a_counter_that_stands_twice_is_refused(batch: Batch) -> None:
    body = encode(replace(batch, counters={"a": 1, "b": 1}))
    with pytest.raises(BatchError, match="stands twice"):
        decode(body.replace(b"\xa1b\x01", b"\xa1a\x01"))


def test_a_text_that_is_not_utf8_is_refused(batch: Batch) -> None:
    with pytest.raises(BatchError) as caught:
        decode(encode(batch).replace(b"tokyo", b"\xff" * 5))
    assert caught.value.place == "sensor"


def test_parts_of_other_kinds_are_refused(batch: Batch) -> None:
    with pytest.raises(BatchError, match=r"ipv4: must be columns of IPv4"):
        replace(batch, ipv4=batch.ipv6)
    with pytest.raises(BatchError, match="settings"):
        replace(batch, settings=bytearray(32))  # type: ignore[arg-type] # the point of the test
    with pytest.raises(BatchError, match="sequence"):
        BatchKey("a", 1, True)  # noqa: FBT003 - the point of the test
    with pytest.raises(BatchError, match="end"):
        Span(5, 5)
