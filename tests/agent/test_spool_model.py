"""The spool against a model: whatever happens in whatever order, every packet is in one place or counted."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from teiten_agent.spool import Acknowledgement, Entry, Stored
from teiten_agent.spool.clock import Clocks
from teiten_agent.spool.layout import REFUSED, listed
from teiten_protocol import decode, expand
from tests.agent.batches import DIGEST, EPOCH, SENSOR, SETTINGS, Spooling, batch
from tests.agent.test_spool_live import SIZE, begin, sized

if TYPE_CHECKING:
    from teiten_agent.spool import Spool
    from teiten_protocol import Batch

HOLDS = 6
"""Batches that fit, so that few steps fill the spool."""
REPLAYED = 7


class Machine(RuleBasedStateMachine):
    """Live batches that met packets, what became of each, and the counts that came with them.

    `gone` holds the reports of batches that damage took: what they told is lost with them, and nothing else.
    """

    def __init__(self) -> None:
        """Open an empty spool."""
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.spooling = Spooling(self.home / "spool")
        self.sequence = 0
        self.replayed = 0
        self.met = 0
        self.delivered: Counter[str] = Counter()
        self.damaged = 0
        self.gone: Counter[str] = Counter()
        self.now = time.time_ns()
        self.spool = self.opened()

    def opened(self) -> Spool:
        """A spool that holds few batches, entered."""
        spool = self.spooling.open(
            max_megabytes=1, clocks=Clocks(date=lambda: self.now, since_boot=lambda: self.now)
        )
        spool.__enter__()
        spool._limit = HOLDS * SIZE  # noqa: SLF001  # a megabyte would take hundreds of steps
        return begin(spool)

    def teardown(self) -> None:
        """Remove the folder."""
        self.spool.__exit__(None, None, None)
        shutil.rmtree(self.home)

    def content(self, entry: Entry, folder: str = "") -> Batch:
        """A batch on disk."""
        path = self.spooling.directory / folder / entry.name
        return decode(expand(path.read_bytes()))

    def live(self) -> list[Entry]:
        """Live batches that wait."""
        return sorted(
            (entry for entry in self.spool.waiting() if entry.epoch == EPOCH),
            key=lambda entry: entry.sequence,
        )

    def refused(self) -> list[Entry]:
        """Batches set aside."""
        return [waiting.entry for waiting in listed(self.spooling.directory / REFUSED)]

    @rule(packets=st.integers(0, 1000))
    def keep(self, packets: int) -> None:
        """An interval closes."""
        assert self.spool.keep(sized(self.sequence, packets)) is Stored.WRITTEN
        assert Entry(EPOCH, self.sequence) in self.spool.waiting()
        self.sequence += 1
        self.met += packets

    @precondition(lambda self: self.replayed < HOLDS - 3)
    @rule()
    def replay(self) -> None:
        """A batch of a replay comes in, where there is room."""
        self.spool.begin(REPLAYED, SENSOR, SETTINGS, DIGEST)
        if self.spool._used + SIZE < self.spool._limit:  # noqa: SLF001  # as above
            assert self.spool.store(batch(self.replayed, epoch=REPLAYED)) is Stored.WRITTEN
            self.replayed += 1

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        """The collector takes some."""
        chosen = data.draw(st.lists(st.sampled_from(self.live()), unique=True, min_size=1, max_size=3))
        answers = []
        for entry in chosen:
            self.delivered.update(self.content(entry).counters)
            stored = self.spool.read(entry)
            assert stored is not None
            answers.append(
                (stored, Acknowledgement(SENSOR, EPOCH, entry.sequence, stored.sha256, repeat=False))
            )
        self.spool.acknowledge_all(answers)
        assert not set(chosen) & set(self.spool.waiting())

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """The collector refuses one: it is set aside with its reason, until its room is wanted."""
        entry = data.draw(st.sampled_from(self.live()))
        stored = self.spool.read(entry)
        assert stored is not None
        assert self.spool.refuse(stored, "422: no").exists()

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        """A file is torn on the medium."""
        entry = data.draw(st.sampled_from(self.live()))
        counters = self.content(entry).counters
        self.gone.update({name: count for name, count in counters.items() if name.startswith("lost.")})
        self.met -= counters["packets"]
        self.damaged += 1
        path = self.spooling.directory / entry.name
        path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, 200))])
        assert self.spool.read(entry) is None
        assert entry not in self.spool.waiting()

    @rule()
    def grow_old(self) -> None:
        """Everything that waits is too old."""
        self.now += 100 * 86_400 * 1_000_000_000
        self.spool.expire(86_400)
        self.now -= 100 * 86_400 * 1_000_000_000
        assert self.live() == []

    @rule(tidily=st.booleans())
    def restart(self, tidily: bool) -> None:  # noqa: FBT001  # drawn
        """The process ends, or is killed, and starts again."""
        if tidily:
            self.spool.__exit__(None, None, None)
        else:
            self.spool._lock.release()  # noqa: SLF001  # as the kernel does for a killed process
        self.spool = self.opened()

    @invariant()
    def every_packet_is_somewhere(self) -> None:
        """Packets met = waiting + set aside + delivered + told as lost; those damaged are told by number."""
        told: Counter[str] = Counter(self.delivered)
        for entry in self.live():
            told.update(self.content(entry).counters)
        for entry in self.refused():
            told.update(self.content(entry, REFUSED).counters)
        told.update(self.spool.lost())
        told.update(self.gone)
        lost = sum(told[f"lost.{reason}_packets"] for reason in ("full", "age", "refused"))
        assert told["packets"] + lost == self.met
        assert told["lost.damaged_batches"] == self.damaged

    @invariant()
    def the_limit_holds(self) -> None:
        """No more is used than allowed, and a replay's batches stay."""
        assert self.spool._used <= self.spool._limit  # noqa: SLF001  # as above
        kept = [entry for entry in self.spool.waiting() if entry.epoch == REPLAYED]
        assert kept == [Entry(REPLAYED, sequence) for sequence in range(self.replayed)]


TestSpool = Machine.TestCase
TestSpool.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
