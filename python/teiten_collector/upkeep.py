"""What keeps a store fit while it fills: small files joined, old ones removed, rollups made.

`serve` runs one turn after another in a process of its own, at low priority; `upkeep` runs one. A turn goes
from one small step to the next and begins none when its time is over, but does one in any case: the intake
waits for one step at most, the join of one table's files of one day. Whoever is killed in between has lost
nothing, the next turn goes on: a join is one commit, a removed file was named by no current version, a
segment's batches are in the tables, and a rollup has no name before it is whole.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from teiten_collector.analysis.categories import read_categories, read_signatures
from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.provenance import country_databases
from teiten_collector.report import CountrySource, build_document, question_of
from teiten_collector.store import Days, Engine
from teiten_collector.store.engine import SCRATCH_DIRECTORY
from teiten_collector.store.lock import UPKEEP_LOCK, attempted
from teiten_collector.store.rollups import ROLLUPS_DIRECTORY, Rollups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from teiten_collector.analysis.periods import Period
    from teiten_collector.config import CollectorConfig
    from teiten_collector.store import Store

JOIN_FROM: Final = 24
"""So many files of one day are joined, though more may come: a query opens each of them."""
SETTLED_SECONDS: Final = 600
"""A day that nothing came to for so long is joined to one file, and its months are counted."""
STALE_SECONDS: Final = 3_600
"""How long a rollup stays after its days have changed: longer than a report takes."""
UNUSED_SECONDS: Final = 400 * 86_400
"""How long one stays that nobody reads: until the month a year after was compared with it."""
ABANDONED_SECONDS: Final = 2 * 86_400
"""So old is nobody's scratch any more."""
_MARKS: Final = "counted.json"


@dataclass(slots=True)
class Done:
    """What a turn did.

    Attributes:
        joined: Files that were joined to fewer.
        removed: Files of tables that were removed.
        segments: Segments of the journal that were removed.
        rollups: Rollups that were removed.
        months: Months whose rollups were made.
        finished: Whether nothing was left to do when the time was over.
    """

    joined: int = 0
    removed: int = 0
    segments: int = 0
    rollups: int = 0
    months: list[str] = field(default_factory=list)
    finished: bool = True

    @property
    def anything(self) -> bool:
        """Whether it did anything."""
        return bool(self.joined or self.removed or self.segments or self.rollups or self.months)


def upkeep(
    store: Store,
    config: CollectorConfig,
    seconds: float,
    *,
    settled_seconds: float = SETTLED_SECONDS,
    at_joint: Callable[[str], object] = lambda _joint: None,
) -> Done | None:
    """Runs one turn; None where another process has one under way, or a backup.

    Args:
        store: The store; it may serve meanwhile, and be read.
        config: Says how long things are kept, and what a month's report is asked.
        seconds: After so long no further step begins.
        settled_seconds: A day that nothing came to for so long is settled.
        at_joint: Is told each step when it is done: `joined`, `removed`, `expired`, `swept`, `counted`.

    Raises:
        StoreError: The tables cannot be used; nothing is lost.
    """
    with attempted(store.directory / UPKEEP_LOCK) as held:
        if not held:
            return None
        return _Turn(store, config, settled_seconds, at_joint).run(time.monotonic() + seconds)


class _Turn:
    def __init__(
        self,
        store: Store,
        config: CollectorConfig,
        settled_seconds: float,
        at_joint: Callable[[str], object],
    ) -> None:
        self._store = store
        self._config = config
        self._settled_seconds = settled_seconds
        self._at_joint = at_joint
        self._now = time.time()
        self._done = Done()

    def run(self, end: float) -> Done:
        for step in self._steps():
            self._at_joint(step)
            if time.monotonic() >= end:
                self._done.finished = False
                break
        return self._done

    def _steps(self) -> Iterator[str]:
        yield from self._join()
        yield from self._remove()
        yield from self._expire()
        yield from self._sweep()
        yield from self._count()

    def _join(self) -> Iterator[str]:
        with self._store.writing_tables() as tables:
            files = tables.files()
        for (name, day), found in sorted(files.items()):
            settled = len(found) > 1 and self._settled(found)
            if not settled and len(found) < JOIN_FROM:
                continue
            with self._store.writing_tables() as tables:
                self._done.joined += tables.compact(name, day)
            yield "joined"

    def _settled(self, files: list[Path]) -> bool:
        """Whether a day's files have all been there for a while."""
        with suppress(FileNotFoundError):  # joined or rebuilt meanwhile
            return time.time() - max(file.stat().st_mtime for file in files) >= self._settled_seconds
        return False

    def _remove(self) -> Iterator[str]:
        hours = self._config.store.removed_files_hours
        for name in self._store.tables.names():
            with self._store.writing_tables() as tables:
                removed = tables.vacuum(name, retention_hours=hours)
            if removed:
                self._done.removed += removed
                yield "removed"

    def _expire(self) -> Iterator[str]:
        days = self._config.store.journal_days
        if not days:
            return
        before_ns = int((self._now - days * 86_400) * 1_000_000_000)
        for segment in self._store.journal.segments():
            if self._store.journal.begun_ns(segment) >= before_ns:
                return
            if self._store.expire_segment(segment, before_ns):
                self._done.segments += 1
                yield "expired"

    def _sweep(self) -> Iterator[str]:
        scratch = self._store.directory / SCRATCH_DIRECTORY
        for folder in scratch.glob("*"):
            if self._now - folder.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        with self._engine() as engine:
            rollups = Rollups(self._store.directory / ROLLUPS_DIRECTORY)
            swept = rollups.sweep(engine.state, UNUSED_SECONDS, STALE_SECONDS)
        if swept:
            self._done.rollups += swept
            yield "swept"

    def _count(self) -> Iterator[str]:
        """Makes the rollups of months that are over and settled, the latest first."""
        marks = _Marks(self._store.directory / ROLLUPS_DIRECTORY / _MARKS)
        with self._engine() as engine:
            for month in _months(engine, self._config):
                period = parse_period(month, self._config.report.zone)
                days, before = _days(period), _days(period.before())
                if not days.over or not self._all_settled(engine, Days(before.first, days.last)):
                    continue
                mark = self._mark(engine, period)
                if marks.known.get(month) == mark:
                    continue
                self._report(engine, period)
                marks.keep(month, mark)
                self._done.months.append(month)
                yield "counted"

    def _all_settled(self, engine: Engine, days: Days) -> bool:
        return all(self._settled([path]) for path in engine.files(days))

    def _mark(self, engine: Engine, period: Period) -> str:
        """What the rollups of a month and the one before depend on."""
        sensors = [[sensor.id, *sorted(sensor.groups)] for sensor in self._store.registry.list()]
        asked = [self._config.report.model_dump(mode="json"), sensors]
        states = [engine.state(_days(of)) for of in (period, period.before())]
        return sha256(json.dumps([states, asked], sort_keys=True).encode()).hexdigest()

    def _report(self, engine: Engine, period: Period) -> None:
        """Asks what the report of a month asks; its rollups stay."""
        report = self._config.report
        question = question_of(report, period, period.before())
        categories = read_categories(report.categories)
        signatures = read_signatures(report.signature_lists, categories)
        sensors = self._store.registry.list()
        country_databases(engine, sensors, (period, period.before()))
        build_document(engine, sensors, question, CountrySource("", ""), signatures)

    def _engine(self) -> Engine:
        return Engine(self._store.directory, memory_megabytes=self._config.store.query_memory_megabytes)


class _Marks:
    """Which months have their rollups, in a file beside them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: Mapping[str, str] = {}
        with suppress(OSError, ValueError):  # absent or torn: everything is asked once more
            self.known = dict(json.loads(path.read_text(encoding="utf-8")))

    def keep(self, month: str, mark: str) -> None:
        self.known = {**self.known, month: mark}
        beside = self._path.with_suffix(".new")
        beside.parent.mkdir(mode=0o750, exist_ok=True)
        beside.write_text(json.dumps(self.known, indent=1), encoding="utf-8")
        beside.replace(self._path)


def _days(period: Period) -> Days:
    """The UTC days that a period touches."""
    first, last = (
        datetime.fromtimestamp(minute * 60, UTC).date()
        for minute in (period.start_minute, period.end_minute - 1)
    )
    return Days(first, last)


def _months(engine: Engine, config: CollectorConfig) -> list[str]:
    """The months of the report's zone in which anything was observed, the latest first."""
    found = set()
    for day in engine.days_of("observations"):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for moment in (midnight, midnight + timedelta(hours=23, minutes=59)):
            found.add(f"{moment.astimezone(config.report.zone):%Y-%m}")
    return sorted(found, reverse=True)
