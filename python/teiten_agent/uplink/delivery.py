"""Delivering a spool: requests of several batches, each settled by its own verdict."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from teiten_agent.errors import ConfigurationError
from teiten_agent.spool import Acknowledgement
from teiten_agent.uplink.answers import Later, Refusal, Withheld
from teiten_protocol.bundle import MAX_BUNDLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from teiten_agent.progress import Progress
    from teiten_agent.spool import Entry, Spool, StoredBatch
    from teiten_agent.spool.layout import Waiting
    from teiten_agent.uplink.connection import Uplink

REQUEST_BYTES = 2 << 20
"""Where a request is large enough: what breaks off is sent again from its beginning."""

_ENTRY_BYTES = 4
_REFUSALS_SAID = 5
"""Refusals told one by one; the reasons of all lie in the spool."""
_MOST_WITHHELD = 64
"""Batches that may be withheld before no more are tried: what keeps so many back keeps all."""


@dataclass(slots=True)
class Delivery:
    """What became of the batches that were sent.

    Attributes:
        acknowledged: Batches that the collector took, repeats among them.
        repeats: Those that it had already.
        refused: One sentence for each refused batch.
        damaged: Files that were no whole batch.
    """

    acknowledged: int = 0
    repeats: int = 0
    refused: list[str] = field(default_factory=list)
    damaged: int = 0

    def add(self, other: Delivery) -> None:
        """Add what became of further batches."""
        self.acknowledged += other.acknowledged
        self.repeats += other.repeats
        self.refused += other.refused
        self.damaged += other.damaged


def deliver(
    spool: Spool,
    uplink: Uplink,
    notice: Callable[[str], None],
    progress: Progress | None = None,
    delivery: Delivery | None = None,
) -> Delivery:
    """Send every batch that waits, until each is acknowledged or refused; one that is withheld waits on.

    Returns:
        What became of them: `delivery`, if one is given, which holds that however this ends.

    Raises:
        UnreachableError: The collector stopped answering; what it acknowledged is noted, the rest is kept.
        ConfigurationError: The collector does not take this sensor's word, or withholds batches; as above.
    """
    return _Run(spool, uplink, notice, progress, delivery or Delivery()).run()


class _Run:
    """One round through the spool."""

    def __init__(
        self,
        spool: Spool,
        uplink: Uplink,
        notice: Callable[[str], None],
        progress: Progress | None,
        delivery: Delivery,
    ) -> None:
        self._spool = spool
        self._uplink = uplink
        self._notice = notice
        self._progress = progress
        self._delivery = delivery
        self._withheld: list[Withheld] = []

    def run(self) -> Delivery:
        queue = deque(self._spool.in_order(newest_first=self._uplink.newest_first))
        total = len(queue)
        while queue and len(self._withheld) < _MOST_WITHHELD:
            if self._progress is not None:
                self._progress.update(total - len(queue))
            batches = self._next_request(queue)
            if batches:
                self._send(batches, queue)
        if len(self._delivery.refused) > _REFUSALS_SAID:
            self._notice(
                f"{len(self._delivery.refused) - _REFUSALS_SAID} more were refused;"
                " a .reason lies beside each"
            )
        if self._withheld:
            first = self._withheld[0]
            raise ConfigurationError(
                f"{first.what}; {len(self._withheld)} batches are withheld and kept", first.remedy
            )
        return self._delivery

    def _next_request(self, queue: deque[Waiting]) -> list[tuple[Waiting, StoredBatch]]:
        """Take batches off the queue, as many as a request holds; damaged ones are left out."""
        taken: list[tuple[Waiting, StoredBatch]] = []
        size = 0
        while queue and len(taken) < self._uplink.batches_per_request:
            size += queue[0].size + _ENTRY_BYTES
            if taken and size > min(REQUEST_BYTES, MAX_BUNDLE_BYTES):
                break
            waiting = queue.popleft()
            batch = self._spool.read(waiting.entry)
            if batch is not None:
                taken.append((waiting, batch))
            elif not self._is_gone(waiting.entry):
                self._delivery.damaged += 1
        return taken

    def _is_gone(self, entry: Entry) -> bool:
        """Whether it was given up by the thread that stores, which is no damage."""
        return not self._spool.has_damaged(entry)

    def _send(self, batches: list[tuple[Waiting, StoredBatch]], queue: deque[Waiting]) -> None:
        verdicts = self._uplink.send([batch for _, batch in batches])
        acknowledged: list[tuple[StoredBatch, Acknowledgement]] = []
        again: list[Waiting] = []
        for (waiting, batch), verdict in zip(batches, verdicts, strict=True):
            match verdict:
                case Acknowledgement():
                    acknowledged.append((batch, verdict))
                case Refusal():
                    self._refuse(batch, verdict)
                case Withheld():
                    self._withheld.append(verdict)
                case Later():
                    again.append(waiting)
                case _:
                    assert_never(verdict)
        if acknowledged:
            self._spool.acknowledge_all(acknowledged)
            self._delivery.acknowledged += len(acknowledged)
            self._delivery.repeats += sum(answer.repeat for _, answer in acknowledged)
        queue.extendleft(reversed(again))

    def _refuse(self, batch: StoredBatch, refusal: Refusal) -> None:
        place = self._spool.refuse(batch, refusal.reason)
        said = f"{batch.entry.name}: refused by the collector: {refusal.reason}; set aside as {place}"
        self._delivery.refused.append(said)
        if len(self._delivery.refused) <= _REFUSALS_SAID:
            self._notice(said)
