"""How long a month's report takes over so many stored tuples: `tests/benchmarks/report.py 1e6 1e7 1e8`.

The tuples lie in two months, the period and the one it is compared with. Each size is reported three times,
each in a process of its own, so that its memory is its own: first from the tuples, as of days that still go
on; then by the turns of upkeep that make the rollups; then from these. All answers are compared.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from teiten_collector.analysis.periods import parse_period  # noqa: E402 - after the path
from teiten_collector.cli.reporting import uncollected  # noqa: E402 - after the path
from teiten_collector.config import CollectorConfig, StoreConfig  # noqa: E402
from teiten_collector.report import CountrySource, build_document, question_of, to_json  # noqa: E402
from teiten_collector.store import Engine, Store  # noqa: E402
from teiten_collector.upkeep import upkeep  # noqa: E402
from tests.benchmarks.stored_months import Size, write_months  # noqa: E402

MEMORY_MEGABYTES = 4096
"""What the queries may take, beyond which they go to disk."""


def write(directory: Path, rows: int) -> str:
    """Writes the tuples."""
    with Store.open(directory) as store:
        write_months(store, Size(rows))
    return ""


def report(directory: Path, *, rollups: bool) -> str:
    """Prints a report to a string; its length and digest."""
    with Store.open(directory) as store:
        sensors = store.registry.list()
    config = CollectorConfig()
    period = parse_period("2009-08", ZoneInfo("Asia/Tokyo"))
    with uncollected(), Engine(directory, memory_megabytes=MEMORY_MEGABYTES, rollups=rollups) as engine:
        question = question_of(config.report, period, period.before())
        text = to_json(build_document(engine, sensors, question, CountrySource("", "")))
    return f"{len(text) / 1e6:.1f} MB of JSON, {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def keep_up(directory: Path) -> str:
    """Runs turns of upkeep until there is nothing left to do; the bytes of the rollups."""
    store_config = StoreConfig(directory=directory, query_memory_megabytes=MEMORY_MEGABYTES)
    config = CollectorConfig(store=store_config)
    with Store.open(directory) as store:
        while (done := upkeep(store, config, 600, settled_seconds=0)) and not done.finished:
            pass
    size = sum(path.stat().st_size for path in (directory / "rollups").iterdir())
    return f"{size / 1e6:.1f} MB of rollups"


def step(name: str, directory: Path, rows: int) -> str:
    """One step, with its seconds, processor seconds and megabytes."""
    wall, processor = time.perf_counter(), time.process_time()
    match name:
        case "write":
            said = write(directory, rows)
        case "from tuples":
            said = report(directory, rollups=False)
        case "upkeep":
            said = keep_up(directory)
        case _:
            said = report(directory, rollups=True)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = f"{wall:7.1f} s  {processor:7.1f} s of processors  {memory:7.0f} MiB"
    return f"{rows:>12,} tuples  {name:12} {spent}  {said}"


def main() -> None:
    """Measures each size named."""
    if sys.argv[1:2] == ["--step"]:
        sys.stdout.write(step(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])) + "\n")
        return
    for size in sys.argv[1:] or ["1e6", "1e7", "1e8"]:
        with tempfile.TemporaryDirectory(prefix="teiten-report-") as directory:
            for name in ("write", "from tuples", "upkeep", "from rollups"):
                place = str(Path(directory) / "store")
                rows = str(int(float(size)))
                subprocess.run([sys.executable, __file__, "--step", name, place, rows], check=True)


if __name__ == "__main__":
    main()
