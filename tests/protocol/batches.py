"""Strategies for batches, shared by the tests of this folder."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import strategies as st

from teiten_protocol import (
    Batch,
    BatchKey,
    Class,
    DetectionRow,
    ExampleColumns,
    Family,
    Form,
    HeldStep,
    QuotedColumns,
    SketchColumns,
    Span,
    Step,
    Tool,
    TupleColumns,
    TupleRow,
    detection_columns,
    limits,
    tuple_columns,
)
from teiten_protocol.keys import NAMED_PROTOCOLS

counts = st.integers(1, limits.MAX_COUNT)
u32 = st.integers(0, 2**32 - 1)
addresses: dict[Family, st.SearchStrategy[IPv4Address | IPv6Address]] = {
    Family.IPV4: u32.map(IPv4Address),
    Family.IPV6: st.integers(0, 2**128 - 1).map(IPv6Address),
}


def values(form: Form) -> st.SearchStrategy[int]:
    """Values that a form's key may have."""
    if form in {Form.TCP, Form.UDP}:
        return st.integers(0, 0xFFFF)
    if form in {Form.FRAGMENT, Form.CUT}:
        return st.sampled_from(sorted(NAMED_PROTOCOLS))
    return st.integers(0, 0xFF)


def source_ports(form: Form) -> st.SearchStrategy[int]:
    """Source ports (or codes) that a form may have."""
    if form in {Form.TCP, Form.UDP}:
        return st.integers(0, 0xFFFF)
    return st.integers(0, 0xFF) if form in {Form.ICMP, Form.ICMPV6} else st.just(0)


@st.composite
def tuple_row(draw: st.DrawFn, family: Family) -> TupleRow:
    """A row that is valid in a family."""
    stranger = Form.ICMPV6 if family is Family.IPV4 else Form.ICMP
    form = draw(st.sampled_from([form for form in Form if form is not stranger]))
    return TupleRow(
        minute=draw(u32),
        source=draw(addresses[family]),
        address=draw(addresses[family]),
        form=form,
        value=draw(values(form)),
        source_port=draw(source_ports(form)),
        flags=draw(st.integers(0, 0xFF)) if form is Form.TCP else 0,
        class_=draw(st.sampled_from(Class)),
        tool=draw(st.sampled_from(Tool)),
        packets=draw(counts),
        bytes_=draw(st.integers(0, limits.MAX_COUNT)),
    )


@st.composite
def detection_row(draw: st.DrawFn) -> DetectionRow:
    """A valid detection."""
    family = draw(st.sampled_from(Family))
    return DetectionRow(
        minute=draw(u32),
        signature=draw(u32),
        source=draw(addresses[family]),
        address=draw(addresses[family]),
        count=draw(counts),
    )


@st.composite
def quoted_columns(draw: st.DrawFn) -> QuotedColumns:
    """Up to three valid quotations."""
    families = draw(st.lists(st.sampled_from(Family), max_size=3))
    rows = len(families)

    def padded() -> bytes:
        return b"".join(draw(addresses[family]).packed.rjust(16, b"\0") for family in families)

    def octets(width: int) -> bytes:
        return draw(st.binary(min_size=rows * width, max_size=rows * width))

    return QuotedColumns(
        rows=rows,
        minute=octets(4),
        family=bytes(families),
        source=padded(),
        address=padded(),
        type_=octets(1),
        code=octets(1),
        protocol=octets(1),
        victim=padded(),
        victim_port=octets(2),
        packets=b"".join(draw(counts).to_bytes(8, "little") for _ in families),
    )


@st.composite
def example_columns(draw: st.DrawFn) -> ExampleColumns:
    """Up to three valid example payloads."""
    families = draw(st.lists(st.sampled_from(Family), max_size=3))
    payloads = [draw(st.binary(min_size=1, max_size=limits.EXAMPLE_BYTES)) for _ in families]
    return ExampleColumns(
        rows=len(families),
        minute=b"".join(draw(u32).to_bytes(4, "little") for _ in families),
        signature=b"".join(draw(u32).to_bytes(4, "little") for _ in families),
        family=bytes(families),
        source=b"".join(draw(addresses[family]).packed.rjust(16, b"\0") for family in families),
        length=bytes(map(len, payloads)),
        payload=b"".join(payload.ljust(limits.EXAMPLE_BYTES, b"\0") for payload in payloads),
    )


@st.composite
def merged_columns(draw: st.DrawFn, family: Family) -> TupleColumns:
    """Up to three valid tuples whose sources were merged."""
    rows = [
        replace(
            row,
            source=ip_address(bytes(family.address_bytes)),
            source_port=0 if row.form in {Form.TCP, Form.UDP} else row.source_port,
        )
        for row in draw(st.lists(tuple_row(family), max_size=3))
    ]
    return replace(tuple_columns(family, rows), merged=True)


@st.composite
def sketch_columns(draw: st.DrawFn) -> SketchColumns:
    """Up to two valid sketches, the shared one last."""
    keys = [(4, Form.TCP, 445), (6, Form.ICMPV6, 128), (0, 0, 0)][draw(st.integers(0, 3)) :]
    ranks = st.integers(0, limits.MAX_RANK).map(lambda rank: bytes([rank]) * limits.SKETCH_REGISTERS)
    return SketchColumns(
        rows=len(keys),
        minute=draw(u32).to_bytes(4, "little") * len(keys),
        family=bytes(family for family, _, _ in keys),
        form=bytes(form for _, form, _ in keys),
        value=b"".join(value.to_bytes(2, "little") for _, _, value in keys),
        registers=b"".join(draw(ranks) for _ in keys),
    )


held_steps = st.lists(
    st.tuples(st.sampled_from(Step), st.integers(0, 2**62)), max_size=3, unique_by=lambda held: held[1]
).map(
    lambda held: tuple(
        HeldStep(step, start, start + 1) for step, start in sorted(held, key=lambda pair: pair[1])
    )
)


@st.composite
def span_tuples(draw: st.DrawFn) -> tuple[Span, ...]:
    """One to five spans in order."""
    edges = draw(
        st.lists(st.integers(0, limits.MAX_TIME_NS), min_size=2, max_size=10, unique=True).map(sorted)
    )
    return tuple(Span(*pair) for pair in zip(edges[0::2], edges[1::2], strict=False))


batch_keys = st.builds(
    BatchKey,
    sensor=st.from_regex(limits.SENSOR_ID, fullmatch=True),
    epoch=st.integers(0, limits.MAX_EPOCH),
    sequence=st.integers(0, limits.MAX_SEQUENCE),
)

batches = st.builds(
    Batch,
    key=batch_keys,
    settings=st.binary(min_size=32, max_size=32),
    spans=span_tuples(),
    counters=st.dictionaries(
        st.from_regex(limits.COUNTER_NAME, fullmatch=True), st.integers(0, limits.MAX_COUNT), max_size=6
    ),
    ipv4=st.lists(tuple_row(Family.IPV4), max_size=5).map(lambda rows: tuple_columns(Family.IPV4, rows)),
    ipv6=st.lists(tuple_row(Family.IPV6), max_size=5).map(lambda rows: tuple_columns(Family.IPV6, rows)),
    detections=st.lists(detection_row(), max_size=4).map(detection_columns),
    quoted=quoted_columns(),
    merged_ipv4=merged_columns(Family.IPV4),
    merged_ipv6=merged_columns(Family.IPV6),
    sketches=sketch_columns(),
    steps=held_steps,
    examples=example_columns(),
)
