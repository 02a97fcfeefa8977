"""What the service adds up for its metrics."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent import __version__
from teiten_agent.errors import AgentError
from teiten_agent.metrics.exposition import Family, Kind
from teiten_agent.uplink import Failure
from teiten_protocol.keys import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from teiten_agent.spool import Status
    from teiten_agent.uplink import Course
    from teiten_agent.watch import Observation

PREFIX = "teiten_agent_"

_OUTCOMES = ("counted", "not_monitored", "outside_span", "malformed")
_DROPS = {"kernel": "kernel_dropped", "unreadable": "unreadable"}
_EVENTS = ("clock_leaps", "stalls", "ring_resets", "interface_losses", "kernel_freezes", "rules_changes")
_CAUSES = ("time", "full", "end")
_LEFT_OUT = ("quoted_unread", "quoted_overflow", "detections_overflow")


class Meters:
    """Sums since the start. Threads may share it."""

    def __init__(
        self,
        sensor: str,
        survey: Callable[[], Status],
        lost: Callable[[], Mapping[str, int]],
        course: Callable[[], Course],
    ) -> None:
        """Begin at zero.

        Args:
            sensor: The sensor's id.
            survey: Looks at the spool; may raise an `AgentError`.
            lost: What the spool lost since the start, by counter's name.
            course: How uploading went.
        """
        self._sensor = sensor
        self._survey = survey
        self._lost = lost
        self._course = course
        self._started = time.time()
        self._lock = threading.Lock()
        self._counters: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._steps: Counter[Step] = Counter()
        self._detections = 0
        self._observed_to = 0.0

    def add(self, observation: Observation) -> None:
        """Add an interval, whatever becomes of its batch."""
        interval = observation.interval
        with self._lock:
            self._counters.update(interval.counters)
            self._counters.update(observation.counters)
            self._causes[interval.cause] += 1
            if interval.step:
                self._steps[Step(interval.step)] += 1
            self._detections += sum(interval.signatures().values())
            self._observed_to = max(self._observed_to, interval.span[1] / 1e9)

    def families(self) -> Iterator[Family]:
        """Every metric, as `docs/reference/agent-metrics.md` lists them."""
        yield _labelled("info", Kind.GAUGE, "1; the version is the label.", "version", {__version__: 1})
        yield _labelled("sensor_info", Kind.GAUGE, "1; the sensor is the label.", "sensor", {self._sensor: 1})
        yield _single("start_timestamp_seconds", Kind.GAUGE, "When the agent started.", self._started)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = usage.ru_utime + usage.ru_stime
        yield _single("cpu_seconds_total", Kind.COUNTER, "Processor time used.", seconds)
        yield _single("resident_memory_bytes", Kind.GAUGE, "Memory in use.", _resident_bytes())
        with self._lock:
            yield from self._capture()
        yield from self._spool()
        yield from self._uplink(self._course())

    def _capture(self) -> Iterable[Family]:
        counters = self._counters
        malformed = _by_reason(counters, "malformed.")
        outcomes = {**counters, "malformed": sum(malformed.values())}
        counter, gauge = Kind.COUNTER, Kind.GAUGE
        return (
            _labelled(
                "packets_total",
                counter,
                "Packets looked at, by what became of them.",
                "outcome",
                {outcome: outcomes.get(outcome, 0) for outcome in _OUTCOMES},
            ),
            _labelled(
                "malformed_packets_total",
                counter,
                "Packets not counted because of their form, by reason.",
                "reason",
                malformed,
            ),
            _labelled(
                "suspicious_packets_total",
                counter,
                "Counted packets with anything wrong, by what; one may be in several.",
                "reason",
                _by_reason(counters, "suspect."),
            ),
            _single("counted_bytes_total", counter, "IP bytes of counted packets.", counters["bytes"]),
            _single(
                "received_packets_total",
                counter,
                "Packets that the kernel gave, dropped ones among them.",
                counters["kernel_received"],
            ),
            _labelled(
                "dropped_packets_total",
                counter,
                "Packets that came and were never looked at, by reason.",
                "reason",
                {reason: counters[name] for reason, name in _DROPS.items()},
            ),
            _single("outgoing_packets_total", counter, "Own packets, left out.", counters["outgoing"]),
            _single("tagged_packets_total", counter, "Packets with a VLAN tag.", counters["vlan_tagged"]),
            _labelled(
                "misdated_packets_total",
                counter,
                "Packets stamped before one seen earlier, or far ahead of the clock.",
                "direction",
                {"backward": counters["time_backward"], "ahead": counters["time_ahead"]},
            ),
            _labelled(
                "left_out_total",
                counter,
                "What is counted as packets and found no room beside: quoted headers, detections.",
                "reason",
                {name: counters[name] for name in _LEFT_OUT},
            ),
            _single("detections_total", counter, "Detections of signatures.", self._detections),
            _labelled(
                "signature_packets_total",
                counter,
                "Packets and rules: held against them, not held, given up for their cost; counts evicted.",
                "outcome",
                _by_reason(counters, "signatures."),
            ),
            _labelled(
                "events_total",
                counter,
                "What happened to capture, by kind, as each capture thread met it.",
                "event",
                {name: counters[name] for name in _EVENTS},
            ),
            _labelled(
                "intervals_total",
                counter,
                "Intervals closed, by cause.",
                "cause",
                {cause: self._causes[cause] for cause in _CAUSES},
            ),
            _labelled(
                "degraded_intervals_total",
                counter,
                "Intervals that gave something up, by step.",
                "step",
                {step.name.lower(): self._steps[step] for step in Step},
            ),
            _single(
                "observed_to_timestamp_seconds",
                gauge,
                "Where the latest closed interval ends; 0 before the first.",
                self._observed_to,
            ),
        )

    def _spool(self) -> Iterable[Family]:
        lost = self._lost()
        found: list[Family] = [
            _labelled(
                f"lost_{noun}_total",
                Kind.COUNTER,
                f"{noun.capitalize()} that no batch will bring to the collector, by reason.",
                "reason",
                {
                    name.removeprefix("lost.").removesuffix(f"_{noun}"): count
                    for name, count in sorted(lost.items())
                    if name.endswith(f"_{noun}")
                },
            )
            for noun in ("batches", "packets")
        ]
        try:
            status = self._survey()
        except AgentError:
            return [*found, _single("spool_readable", Kind.GAUGE, "Whether the spool can be read.", 0)]
        states = {"waiting": status.waiting, "refused": status.refused, "damaged": status.damaged}
        return [
            *found,
            _single("spool_readable", Kind.GAUGE, "Whether the spool can be read.", 1),
            _labelled("spool_batches", Kind.GAUGE, "Batches in the spool, by state.", "state", states),
            _single("spool_bytes", Kind.GAUGE, "Bytes that count against the limit.", status.used_bytes),
            _single("spool_limit_bytes", Kind.GAUGE, "The limit.", status.limit_bytes),
            _single(
                "spool_waiting_since_timestamp_seconds",
                Kind.GAUGE,
                "When the oldest waiting batch was written; 0 where none waits.",
                status.waiting_since_ns / 1e9,
            ),
        ]

    @staticmethod
    def _uplink(course: Course) -> Iterable[Family]:
        dealings = course.dealings
        counter, gauge = Kind.COUNTER, Kind.GAUGE
        if course.up is not None:
            yield _single("uplink_up", gauge, "Whether the last round of uploads went well.", int(course.up))
        yield _single("upload_requests_total", counter, "Requests to the collector.", dealings.attempts)
        yield _single("upload_answers_total", counter, "Requests that it answered.", dealings.answers)
        failures = {failure.value: course.failures.get(failure, 0) for failure in Failure}
        yield _labelled(
            "upload_failures_total", counter, "Rounds of uploads that failed, by cause.", "cause", failures
        )
        yield _labelled(
            "uploaded_batches_total",
            counter,
            "Batches that the collector answered for, by verdict.",
            "verdict",
            {
                "new": course.acknowledged - course.repeats,
                "repeat": course.repeats,
                "refused": course.refused,
            },
        )
        yield _single(
            "last_answer_timestamp_seconds",
            gauge,
            "When the collector last answered; 0 if it never did.",
            dealings.answered_at,
        )
        yield _single(
            "last_acknowledgement_timestamp_seconds",
            gauge,
            "When the collector last acknowledged a batch; 0 if it never did.",
            course.acknowledged_at,
        )
        if dealings.clock_offset is not None:
            yield _single(
                "clock_offset_seconds",
                gauge,
                "How far this clock is ahead of the collector's, to half a second.",
                dealings.clock_offset,
            )


def _single(name: str, kind: Kind, text: str, number: float) -> Family:
    return Family(PREFIX + name, kind, text, "", (("", number),))


def _labelled(name: str, kind: Kind, text: str, label: str, samples: Mapping[str, float]) -> Family:
    return Family(PREFIX + name, kind, text, label, tuple(samples.items()))


def _by_reason(counters: Mapping[str, int], prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): count
        for name, count in sorted(counters.items())
        if name.startswith(prefix)
    }


def _resident_bytes() -> int:
    """Memory of this process (`statm` of proc(5)); 0 where the system does not tell."""
    try:
        with Path("/proc/self/statm").open(encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
