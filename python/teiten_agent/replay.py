"""`teiten-agent replay`: captures through the same path as live capture, on the packets' own clock.

A replay is a pure function of sensor id, span, contents of the captures, and settings. The epoch is derived
from the first three, so that a second replay makes batches of the same keys with the same content: the spool
knows those that are settled, the collector recognises the rest as repeats. Neither names nor places of the
files matter.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent import captures
from teiten_agent.errors import InputError, InterruptedByOperatorError
from teiten_agent.observe import CountingSettings, batch_of, gather, observe
from teiten_agent.progress import Progress
from teiten_agent.spool import Entry, Spool, SpoolFullError
from teiten_agent.spool.directory import Stored
from teiten_agent.uplink import Delivery, Uplink, deliver
from teiten_protocol import BatchKey
from teiten_protocol.limits import MAX_TIME_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from teiten_agent import _core
    from teiten_agent.captures import Surveyed
    from teiten_agent.config import Configuration
    from teiten_protocol import Batch

SpanNs = tuple[int, int]
"""A half-open span in nanoseconds of Unix time."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asks for.

    Attributes:
        names: Captures, folders of captures, or `-` for standard input.
        span: The span that was observed, as stated; None for first to last packet.
        upload: Whether to send the batches, or to spool them only.
    """

    names: Sequence[str]
    span: SpanNs | None = None
    upload: bool = True


@dataclass(slots=True)
class Outcome:
    """What a replay did.

    Attributes:
        epoch: The epoch that its batches belong to.
        span: What was observed.
        captures: How many captures of distinct content were read.
        batches: Batches of the epoch.
        written: Batches that this run wrote into the spool.
        counters: What was counted, by the counters' names in a batch; None where nothing was left to count.
        faults: One sentence for each capture that could not be read to its end.
        delivery: What became of everything that this run sent.
        waiting: Batches that wait in the spool at the end, of whatever epoch.
    """

    epoch: int
    span: SpanNs
    captures: int
    batches: int = 0
    written: int = 0
    counters: Counter[str] | None = None
    faults: list[str] = field(default_factory=list)
    delivery: Delivery = field(default_factory=Delivery)
    waiting: int = 0

    def document(self) -> dict[str, object]:
        """What `replay --json` prints."""
        return {
            "epoch": f"{self.epoch:016x}",
            "span_ns": list(self.span),
            "captures": self.captures,
            "batches": self.batches,
            "written": self.written,
            "counters": None if self.counters is None else dict(self.counters),
            "acknowledged": self.delivery.acknowledged,
            "repeats": self.delivery.repeats,
            "refused": len(self.delivery.refused),
            "damaged": self.delivery.damaged,
            "waiting": self.waiting,
            "faults": self.faults,
        }


def epoch_of(sensor: str, span: SpanNs | None, digests: Sequence[bytes]) -> int:
    """Derive the epoch, 0 to 2**63 - 1, from what identifies a replay.

    Args:
        sensor: The sensor's id.
        span: The span as stated; None for "first to last".
        digests: SHA-256 of each capture, in time order.
    """
    identity = {
        "sensor": sensor,
        "span": "first-to-last" if span is None else list(span),
        "captures": [digest.hex() for digest in digests],
    }
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def replay(configuration: Configuration, request: Request, notice: Callable[[str], None]) -> Outcome:
    """Count captures into the spool, then send until every batch is acknowledged or refused.

    Args:
        configuration: Which sensor, how to count, where to send.
        request: What to replay.
        notice: Takes a sentence for the operator, as it happens.

    Raises:
        AgentError: As its class says. Whatever was written stays in the spool, and running the same replay
            again goes on from there.
    """
    # First whatever may be wrong with the configuration, before hours of counting.
    uplink = Uplink(configuration.uplink) if request.upload else None
    spool = Spool(Path(configuration.spool.directory), configuration.spool.max_megabytes, notice)
    try:
        with spool:
            return _Replay(configuration, request, spool, uplink, notice).run()
    except KeyboardInterrupt:
        again = "run the same command again to go on"
        raise InterruptedByOperatorError(
            f"interrupted: {len(spool.waiting())} batches are kept in {configuration.spool.directory}", again
        ) from None


@dataclass(frozen=True, slots=True)
class _Replay:
    """The parts of one run."""

    configuration: Configuration
    request: Request
    spool: Spool
    uplink: Uplink | None
    notice: Callable[[str], None]

    def run(self) -> Outcome:
        surveyed = self._survey()
        span = self.request.span or _first_to_last(surveyed)
        sensor = self.configuration.sensor.id
        settings = CountingSettings.of(self.configuration)
        epoch = epoch_of(sensor, self.request.span, [one.sha256 for one in surveyed])
        outcome = Outcome(epoch=epoch, span=span, captures=len(surveyed))
        record = self.spool.begin(epoch, sensor, settings.document(), settings.digest())
        if self.spool.is_whole(epoch) and record.batches is not None:
            outcome.batches = record.batches
            outcome.faults = list(record.faults)
        else:
            self._count(surveyed, settings, outcome)
        if self.uplink is not None:
            self._deliver(self.uplink, outcome)
        outcome.waiting = len(self.spool.waiting())
        return outcome

    def _survey(self) -> list[Surveyed]:
        sources = [
            captures.keep_standard_input(source) for source in captures.find(self.request.names, self.notice)
        ]
        with Progress("surveying captures", captures.total_size(sources)) as progress:
            surveyed = captures.survey(sources, progress)
        if len(surveyed) < len(sources):
            self.notice(
                f"{len(sources) - len(surveyed)} captures repeat the content of another: counted once"
            )
        return surveyed

    def _count(self, surveyed: list[Surveyed], settings: CountingSettings, outcome: Outcome) -> None:
        epoch = outcome.epoch
        key = BatchKey(self.configuration.sensor.id, epoch, 0)
        sequence, counters = -1, Counter[str]()
        with closing(self._intervals(surveyed, settings, outcome)) as intervals:
            for sequence, group in enumerate(gather(intervals)):
                for interval in group:
                    counters.update(interval.counters)
                entry = Entry(epoch, sequence)
                if not self.spool.is_settled(entry):
                    batch = batch_of(replace(key, sequence=sequence), settings.digest(), group)
                    outcome.written += self._store(batch, outcome) is Stored.WRITTEN
        outcome.batches, outcome.counters = sequence + 1, counters
        self.spool.complete(epoch, outcome.batches, outcome.faults)

    def _intervals(
        self, surveyed: list[Surveyed], settings: CountingSettings, outcome: Outcome
    ) -> Generator[_core.Interval]:
        observer = settings.observer(outcome.span, seed=outcome.epoch)
        done, total = 0, sum(one.size for one in surveyed)
        with Progress("counting", total) as progress:
            for one in surveyed:
                capture = captures.open_capture(one.source)
                for interval in observe(observer, capture):
                    progress.update(done + round(one.size * capture.position / max(capture.size, 1)))
                    if interval is not None:
                        yield interval
                fault = captures.fault_of(one.source, capture)
                if fault is not None:
                    outcome.faults.append(fault)
                captures.check_unchanged(one)
                done += one.size
        last = observer.finish()
        if last is not None:
            yield last

    def _store(self, batch: Batch, outcome: Outcome) -> Stored:
        """Store a batch; where the spool is full, make room by sending what waits."""
        try:
            return self.spool.store(batch)
        except SpoolFullError:
            if self.uplink is None:
                raise
        self._deliver(self.uplink, outcome)
        return self.spool.store(batch)

    def _deliver(self, uplink: Uplink, outcome: Outcome) -> None:
        with Progress("uploading", len(self.spool.waiting())) as progress:
            delivery = deliver(self.spool, uplink, self.notice, progress)
        outcome.delivery.add(delivery)


def _first_to_last(surveyed: list[Surveyed]) -> SpanNs:
    first = [one.first_ns for one in surveyed if one.first_ns is not None]
    last = [one.last_ns for one in surveyed if one.last_ns is not None]
    if not first or not last:
        raise InputError(
            "the captures hold no packet, so that nothing tells which span was observed",
            "state it with --from and --to: silence observed is a result, too",
        )
    span = (min(first), max(last) + 1)
    if not 0 <= span[0] < span[1] <= MAX_TIME_NS:
        raise InputError(
            f"the packets' times run from {span[0]} to {span[1]} ns of Unix time, which no batch can hold",
            "state the span that was observed with --from and --to",
        )
    return span
