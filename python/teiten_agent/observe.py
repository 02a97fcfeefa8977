"""Owner of the core: how a capture is counted, and what becomes of its intervals.

Python sees intervals, never packets: `gather` and `batch_of` make batches of them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from teiten_agent import _core, rules
from teiten_agent.errors import ConfigurationError, InternalError
from teiten_protocol import (
    MAX_EXAMPLES,
    MAX_QUOTED,
    MAX_SKETCHES,
    Batch,
    BatchError,
    BatchKey,
    DetectionColumns,
    ExampleColumns,
    Family,
    HeldStep,
    QuotedColumns,
    SketchColumns,
    Span,
    Step,
    TupleColumns,
)
from teiten_protocol.limits import MAX_DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from teiten_agent.config import Configuration

COUNTING_VERSION = 3
"""Raised with every change by which the same packets are counted differently, so that none mix."""

FRAMES_AT_ONCE = 1 << 20
"""Frames between two returns to Python: a fraction of a second, so that Ctrl-C stays prompt."""

GATHERED_ROWS = 65_536
"""Rows from which a gathered batch is closed: some MB of body, far below the protocol's limit."""

GATHERED_SPANS = 1_440
"""Most intervals of a gathered batch: a day of minutes, below the protocol's limit on spans."""

_DAY_NS = 86_400 * 1_000_000_000
_MINUTE_NS = 60 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class CountingSettings:
    """Whatever shapes a stream of batches; equal settings and packets give equal batches.

    Attributes:
        monitored: The monitored networks, collapsed and sorted; empty means every address.
        interval_seconds: Length of an interval; 0 never closes one by time.
        table_megabytes: Memory of the tuple table in units of 1,048,576 bytes.
        max_rows: Most rows of an interval.
        early_closes: Early ends within an interval's length before detail is given up.
        rules: The signatures that packets are held against; None for none.
        examples: Whether an example payload of each signature and source is kept.
    """

    monitored: tuple[str, ...] = ()
    interval_seconds: int = 60
    table_megabytes: int = 16
    max_rows: int = 1_048_576
    early_closes: int = 4
    rules: rules.Library | None = None
    examples: bool = False

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        """Take them from the configuration; the order in which networks are written does not matter.

        Raises:
            ConfigurationError: A rule file cannot be read.
        """
        networks = configuration.sensor.monitored
        ipv4 = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
        ipv6 = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
        collapsed = (*ipaddress.collapse_addresses(ipv4), *ipaddress.collapse_addresses(ipv6))
        return cls(
            monitored=tuple(str(network) for network in collapsed),
            interval_seconds=configuration.interval.seconds,
            table_megabytes=configuration.limits.table_megabytes,
            max_rows=configuration.limits.max_rows,
            early_closes=configuration.limits.early_closes,
            rules=rules.load(configuration.rules.files, configuration.rules.values()),
            examples=configuration.rules.examples,
        )

    def shared_by(self, observers: int) -> Self:
        """The settings of one of several observers that have the memory of one together.

        Raises:
            ConfigurationError: It is too little to share.
        """
        if self.table_megabytes < observers:
            raise ConfigurationError(
                f"limits.table_megabytes: is {self.table_megabytes} for {observers} threads",
                "give each at least one, better sixteen, or lower capture.threads",
            )
        return replace(self, table_megabytes=self.table_megabytes // observers)

    def document(self) -> dict[str, object]:
        """The settings as plain values, to be kept and compared."""
        return {
            "counting": COUNTING_VERSION,
            "monitored": list(self.monitored),
            "interval_seconds": self.interval_seconds,
            "table_megabytes": self.table_megabytes,
            "max_rows": self.max_rows,
            "early_closes": self.early_closes,
            "rules": None if self.rules is None else self.rules.digest,
            "examples": self.examples,
        }

    def digest(self) -> bytes:
        """SHA-256 of the settings' canonical JSON, 32 bytes."""
        text = json.dumps(self.document(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).digest()

    def observer(self, span: tuple[int, int] | None = None, seed: int | None = None) -> _core.Observer:
        """A core that counts so, over a half-open span in nanoseconds of Unix time if one is stated.

        `seed` makes what little depends on chance repeatable: which counts of rules' limits make room for
        others.

        Raises:
            ConfigurationError: The core does not take these settings, or there is no memory for the table.
        """
        try:
            return _core.Observer(
                self.monitored,
                interval_seconds=self.interval_seconds,
                table_megabytes=self.table_megabytes,
                max_rows=self.max_rows,
                early_closes=self.early_closes,
                span=span,
                seed=seed,
                rules=None if self.rules is None else self.rules.core,
                examples=self.examples,
            )
        except (ValueError, OverflowError, MemoryError) as error:
            raise ConfigurationError(
                f"the core does not take these settings: {error}", "see to [interval] and [limits]"
            ) from error


def observe(observer: _core.Observer, capture: _core.Capture) -> Iterator[_core.Interval | None]:
    """Feed a capture to its end or fault; yield each interval that closes, and None now and then.

    The interval that is open at the end stays open: the next capture goes on in it.
    """
    while not capture.exhausted:
        yield observer.advance(capture, FRAMES_AT_ONCE)


def gather(intervals: Iterable[_core.Interval]) -> Iterator[list[_core.Interval]]:
    """Join intervals to groups that make a batch each.

    Where nobody waits for the newest minute, a batch per interval would cost the collector a synced write for
    every quiet minute of years. A group ends at the end of a UTC day, at `GATHERED_ROWS` rows, at
    `GATHERED_SPANS` intervals or before more detections, quotations, sketches or examples than a
    batch holds: a pure function of the intervals, so that counting again gives the same batches.
    """
    group: list[_core.Interval] = []
    rows = detections = quoted = sketches = examples = 0
    for interval in intervals:
        interval_rows = interval.ipv4.rows + interval.ipv6.rows
        if group and (
            rows + interval_rows > GATHERED_ROWS
            or detections + interval.detections.rows > MAX_DETECTIONS
            or quoted + interval.quoted.rows > MAX_QUOTED
            or sketches + interval.sketches.rows > MAX_SKETCHES
            or examples + interval.examples.rows > MAX_EXAMPLES
            or len(group) >= GATHERED_SPANS
            or interval.span[0] // _DAY_NS != group[0].span[0] // _DAY_NS
        ):
            yield group
            group = []
            rows = detections = quoted = sketches = examples = 0
        group.append(interval)
        rows += interval_rows
        detections += interval.detections.rows
        quoted += interval.quoted.rows
        sketches += interval.sketches.rows
        examples += interval.examples.rows
    if group:
        yield group


def batch_of(key: BatchKey, settings: bytes, intervals: list[_core.Interval]) -> Batch:
    """Make a batch of at least one interval; spans that touch or overlap become one, counters add up.

    Intervals stand in the order in which they begin. They overlap where several threads counted them.

    Tuples of intervals that gave up their sources become merged ones.

    Raises:
        InternalError: The core gave what the batch format does not allow.
    """
    counters: Counter[str] = Counter()
    spans: list[tuple[int, int]] = []
    for interval in intervals:
        counters.update(interval.counters)
        start, end = interval.span
        if spans and spans[-1][1] >= start:
            start, before = spans.pop()
            end = max(before, end)
        spans.append((start, end))
    whole = [interval for interval in intervals if interval.step != Step.WITHOUT_SOURCE]
    merged = [interval for interval in intervals if interval.step == Step.WITHOUT_SOURCE]
    try:
        return Batch(
            key=key,
            settings=settings,
            spans=tuple(Span(start, end) for start, end in spans),
            counters=dict(counters),
            ipv4=_columns(Family.IPV4, [interval.ipv4 for interval in whole]),
            ipv6=_columns(Family.IPV6, [interval.ipv6 for interval in whole]),
            detections=_detections([interval.detections for interval in intervals]),
            quoted=_quoted([interval.quoted for interval in intervals]),
            merged_ipv4=_columns(Family.IPV4, [interval.ipv4 for interval in merged], merged=True),
            merged_ipv6=_columns(Family.IPV6, [interval.ipv6 for interval in merged], merged=True),
            sketches=_sketches(merged),
            steps=_steps(intervals),
            examples=_examples([interval.examples for interval in intervals]),
        )
    except BatchError as error:
        raise InternalError(f"the core counted what no batch can hold: {error}") from error


def _columns(family: Family, parts: list[_core.Columns], *, merged: bool = False) -> TupleColumns:
    return TupleColumns(
        family=family,
        rows=sum(part.rows for part in parts),
        minute=b"".join(part.minute for part in parts),
        source=b"".join(part.source for part in parts),
        address=b"".join(part.address for part in parts),
        form=b"".join(part.form for part in parts),
        value=b"".join(part.value for part in parts),
        source_port=b"".join(part.source_port for part in parts),
        flags=b"".join(part.flags for part in parts),
        class_=b"".join(part.class_ for part in parts),
        tool=b"".join(part.tool for part in parts),
        packets=b"".join(part.packets for part in parts),
        bytes_=b"".join(part.bytes_ for part in parts),
        merged=merged,
    )


def _detections(parts: list[_core.Detections]) -> DetectionColumns:
    return DetectionColumns(
        rows=sum(part.rows for part in parts),
        minute=b"".join(part.minute for part in parts),
        signature=b"".join(part.signature for part in parts),
        family=b"".join(part.family for part in parts),
        source=b"".join(part.source for part in parts),
        address=b"".join(part.address for part in parts),
        count=b"".join(part.count for part in parts),
    )


def _examples(parts: list[_core.Examples]) -> ExampleColumns:
    return ExampleColumns(
        rows=sum(part.rows for part in parts),
        minute=b"".join(part.minute for part in parts),
        signature=b"".join(part.signature for part in parts),
        family=b"".join(part.family for part in parts),
        source=b"".join(part.source for part in parts),
        length=b"".join(part.length for part in parts),
        payload=b"".join(part.payload for part in parts),
    )


def _quoted(parts: list[_core.Quoted]) -> QuotedColumns:
    return QuotedColumns(
        rows=sum(part.rows for part in parts),
        minute=b"".join(part.minute for part in parts),
        family=b"".join(part.family for part in parts),
        source=b"".join(part.source for part in parts),
        address=b"".join(part.address for part in parts),
        type_=b"".join(part.kind for part in parts),
        code=b"".join(part.code for part in parts),
        protocol=b"".join(part.protocol for part in parts),
        victim=b"".join(part.victim for part in parts),
        victim_port=b"".join(part.victim_port for part in parts),
        packets=b"".join(part.packets for part in parts),
    )


def _sketches(intervals: list[_core.Interval]) -> SketchColumns:
    parts = [interval.sketches for interval in intervals]
    starts = [interval.span[0] // _MINUTE_NS for interval in intervals]
    return SketchColumns(
        rows=sum(part.rows for part in parts),
        minute=b"".join(
            minute.to_bytes(4, "little") * part.rows for minute, part in zip(starts, parts, strict=True)
        ),
        family=b"".join(part.family for part in parts),
        form=b"".join(part.form for part in parts),
        value=b"".join(part.value for part in parts),
        registers=b"".join(part.registers for part in parts),
    )


def _steps(intervals: list[_core.Interval]) -> tuple[HeldStep, ...]:
    """When something was given up; where several did at once, the most. Stretches that touch become one."""
    stepped = [(*interval.span, interval.step) for interval in intervals if interval.step]
    held: list[HeldStep] = []
    for start, end in pairwise(sorted({moment for one in stepped for moment in one[:2]})):
        step = max((step for begun, ended, step in stepped if begun <= start and end <= ended), default=0)
        if not step:
            continue
        if held and held[-1].step == step and held[-1].end_ns == start:
            start = held.pop().start_ns  # noqa: PLW2901  # the stretch that goes on began before
        held.append(HeldStep(Step(step), start, end))
    return tuple(held)
