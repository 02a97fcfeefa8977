"""How long a month's report takes over so many stored tuples: `python tests/benchmarks/report.py 1e6 1e7`.

The tuples lie in two months, the period and the one it is compared with. Each size runs in a process of its
own, so that its memory is its own.
"""

from __future__ import annotations

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
from teiten_collector.report import CountrySource, Question, build_document, to_json  # noqa: E402
from teiten_collector.store import Engine, Store  # noqa: E402
from tests.benchmarks.stored_months import Size, write_months  # noqa: E402


def measure(rows: int) -> str:
    """One line: rows, seconds, processor seconds, megabytes."""
    with tempfile.TemporaryDirectory(prefix="teiten-report-") as directory:
        path = Path(directory) / "store"
        with Store.open(path) as store:
            write_months(store, Size(rows))
            sensors = store.registry.list()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, processor = time.perf_counter(), time.process_time()
        period = parse_period("2009-08", ZoneInfo("Asia/Tokyo"))
        with Engine(path) as engine:
            question = Question(period, period.before())
            text = to_json(build_document(engine, sensors, question, CountrySource("", "")))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"{rows:>12,} tuples  {wall:7.1f} s  {processor:7.1f} s of processors  "
        f"{max(before, after) / 1024:7.0f} MiB  {len(text) / 1e6:5.1f} MB of JSON"
    )


def main() -> None:
    """Measures each size named."""
    if sys.argv[1:2] == ["--one"]:
        sys.stdout.write(measure(int(float(sys.argv[2]))) + "\n")
        return
    for size in sys.argv[1:] or ["1e6", "1e7"]:
        subprocess.run([sys.executable, __file__, "--one", size], check=True)


if __name__ == "__main__":
    main()
