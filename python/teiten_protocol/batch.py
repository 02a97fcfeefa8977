"""A batch: its key, its spans and its tables. Each part checks itself when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from teiten_protocol import limits
from teiten_protocol.checks import require_integer
from teiten_protocol.columns import (
    DetectionColumns,
    ExampleColumns,
    QuotedColumns,
    SketchColumns,
    TupleColumns,
)
from teiten_protocol.errors import BatchError
from teiten_protocol.keys import Family, Step


@dataclass(frozen=True, slots=True, order=True)
class BatchKey:
    """The natural key of a batch: at most one batch with it is ever counted.

    Attributes:
        sensor: The sensor's id, matching `limits.SENSOR_ID`.
        epoch: One run of a sensor's counting, 0 to 2**63 - 1.
        sequence: Number of the batch in its epoch, 0 to 2**31 - 1.
    """

    sensor: str
    epoch: int
    sequence: int

    def __post_init__(self) -> None:
        """Check the parts."""
        if type(self.sensor) is not str or limits.SENSOR_ID.fullmatch(self.sensor) is None:
            raise BatchError("sensor", f"must match {limits.SENSOR_ID.pattern}")
        require_integer("epoch", self.epoch, 0, limits.MAX_EPOCH)
        require_integer("sequence", self.sequence, 0, limits.MAX_SEQUENCE)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time that was observed, half-open, in nanoseconds of the Unix epoch."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        """Check that the span is not empty."""
        require_integer("start", self.start_ns, 0, limits.MAX_TIME_NS - 1)
        require_integer("end", self.end_ns, self.start_ns + 1, limits.MAX_TIME_NS)


@dataclass(frozen=True, slots=True, order=True)
class HeldStep:
    """A stretch of time in which a sensor gave something up, half-open, in nanoseconds of the Unix epoch."""

    step: Step
    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        """Check the step and that the time is not empty."""
        if type(self.step) is not Step:
            raise BatchError("step", "must be a Step")
        require_integer("start", self.start_ns, 0, limits.MAX_TIME_NS - 1)
        require_integer("end", self.end_ns, self.start_ns + 1, limits.MAX_TIME_NS)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one sensor saw in its spans.

    Attributes:
        key: The natural key.
        settings: SHA-256 of whatever shapes the sensor's stream of batches; one epoch has one.
        spans: What was observed: at least one, in order of time, not overlapping.
        counters: Sums over the whole batch by name, 0 to 2**63 - 1; read-only once the batch is made.
        ipv4: Tuples over IPv4.
        ipv6: Tuples over IPv6.
        detections: Alerts of signatures.
        quoted: What ICMP errors quoted.
        merged_ipv4: Tuples over IPv4 whose sources were merged.
        merged_ipv6: Tuples over IPv6 whose sources were merged.
        sketches: How many sources the merged tuples had.
        steps: When something was given up: in order of time, not overlapping.
        examples: Example payloads of the detections.
    """

    key: BatchKey
    settings: bytes
    spans: tuple[Span, ...]
    counters: Mapping[str, int]
    ipv4: TupleColumns
    ipv6: TupleColumns
    detections: DetectionColumns
    quoted: QuotedColumns = field(default_factory=QuotedColumns.empty)
    merged_ipv4: TupleColumns = field(default_factory=lambda: TupleColumns.empty(Family.IPV4, merged=True))
    merged_ipv6: TupleColumns = field(default_factory=lambda: TupleColumns.empty(Family.IPV6, merged=True))
    sketches: SketchColumns = field(default_factory=SketchColumns.empty)
    steps: tuple[HeldStep, ...] = ()
    examples: ExampleColumns = field(default_factory=ExampleColumns.empty)

    def __post_init__(self) -> None:
        """Check what the parts do not check themselves."""
        if type(self.key) is not BatchKey:
            raise BatchError("key", "must be a BatchKey")
        if type(self.settings) is not bytes or len(self.settings) != limits.SETTINGS_BYTES:
            raise BatchError("settings", f"must be {limits.SETTINGS_BYTES} bytes")
        self._check_spans()
        self._check_counters()
        self._check_tuples()
        if type(self.detections) is not DetectionColumns:
            raise BatchError("detections", "must be columns of detections")
        if type(self.quoted) is not QuotedColumns:
            raise BatchError("quoted", "must be columns of quotations")
        if type(self.sketches) is not SketchColumns:
            raise BatchError("sketches", "must be columns of sketches")
        if type(self.examples) is not ExampleColumns:
            raise BatchError("examples", "must be columns of example payloads")
        self._check_steps()

    def _check_tuples(self) -> None:
        rows = 0
        for place, columns, family, merged in (
            ("ipv4", self.ipv4, Family.IPV4, False),
            ("ipv6", self.ipv6, Family.IPV6, False),
            ("merged_ipv4", self.merged_ipv4, Family.IPV4, True),
            ("merged_ipv6", self.merged_ipv6, Family.IPV6, True),
        ):
            if type(columns) is not TupleColumns or columns.place != place:
                kind = "merged " if merged else ""
                raise BatchError(place, f"must be columns of {kind}IPv{int(family)} tuples")
            rows += columns.rows
            if rows > limits.MAX_ROWS:
                raise BatchError(
                    f"{place}.rows",
                    f"the rows of all tuples together are over {limits.MAX_ROWS}: split the batch",
                )

    def _check_steps(self) -> None:
        if type(self.steps) is not tuple or len(self.steps) > limits.MAX_SPANS:
            raise BatchError("steps", f"must be at most {limits.MAX_SPANS} steps")
        end = 0
        for index, held in enumerate(self.steps):
            if type(held) is not HeldStep:
                raise BatchError(f"steps[{index}]", "must be a HeldStep")
            if held.start_ns < end:
                raise BatchError(f"steps[{index}]", "starts before the step before it ends")
            end = held.end_ns

    def _check_spans(self) -> None:
        if type(self.spans) is not tuple or not 1 <= len(self.spans) <= limits.MAX_SPANS:
            raise BatchError("spans", f"must be 1 to {limits.MAX_SPANS} spans")
        end = 0
        for index, span in enumerate(self.spans):
            if type(span) is not Span:
                raise BatchError(f"spans[{index}]", "must be a Span")
            if span.start_ns < end:
                raise BatchError(f"spans[{index}]", "starts before the span before it ends")
            end = span.end_ns

    def _check_counters(self) -> None:
        if len(self.counters) > limits.MAX_COUNTERS:
            raise BatchError("counters", f"must be a map of at most {limits.MAX_COUNTERS} counters")
        for name, count in self.counters.items():
            if type(name) is not str or limits.COUNTER_NAME.fullmatch(name) is None:
                raise BatchError("counters", f"a counter's name must match {limits.COUNTER_NAME.pattern}")
            require_integer(f"counters.{name}", count, 0, limits.MAX_COUNT)
        # A copy, in the order of the wire: later changes by the caller must not reach a checked batch.
        object.__setattr__(self, "counters", MappingProxyType(dict(sorted(self.counters.items()))))
