"""`make readme`: the README's samples are what the programs print now.

Each sample stands between `<!-- begin: NAME -->` and `<!-- end -->`. A test renders them again and compares.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.conftest import SHARED
from tests.fleet import AGENT, run

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "README.ja.md")
SAMPLE = re.compile(r"<!-- begin: (?P<name>[a-z-]+) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
SUMMARY = re.compile(r"^.*?(?=^2 )", re.DOTALL | re.MULTILINE)
TABLE_3_1 = re.compile(r"^(?:表|Table) 3-1 .*?^(?:延べ観測|Observed): [^\n]*\n", re.DOTALL | re.MULTILINE)


def demo(*arguments: object) -> str:
    """What `make demo` prints on standard output, run in a folder of its own: others may run it, too."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, "-m", "tests.demo.demo", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout


def summary_table_and_sum(printed: str) -> str:
    """Section 1 of a report, its table 3-1, and the sum in the last line."""
    summary, table = SUMMARY.search(printed), TABLE_3_1.search(printed)
    if summary is None or table is None:
        raise AssertionError(f"no section 1 or no table 3-1 in what the demo printed:\n{printed}")
    total = printed.rstrip().splitlines()[-1]
    return f"{summary[0].rstrip()}\n...\n{table[0]}...\n{total}\n"


def made_up() -> str:
    """The month in the likeness of August 2009."""
    return summary_table_and_sum(demo())


def real() -> str:
    """Real captures, in English."""
    return summary_table_and_sum(demo("--captures", SHARED / "captures", "--lang", "en"))


def count() -> str:
    """One real capture, counted."""
    capture = SHARED / "captures" / "backscatter_24h.pcap"
    printed = run(AGENT, "count", capture, "--top", 5).stdout
    return f"$ .venv/bin/teiten-agent count {capture.name} --top 5\n{printed}"


SAMPLES: dict[str, Callable[[], str]] = {"made-up": made_up, "real": real, "count": count}


def rendered(page: str, samples: dict[str, str]) -> str:
    """The page with the given samples put in; other samples stay as they are."""

    def replace(found: re.Match[str]) -> str:
        name = found["name"]
        text = found["text"] if name not in samples else f"```\n{samples[name]}```\n"
        return f"<!-- begin: {name} -->\n{text}<!-- end -->"

    return SAMPLE.sub(replace, page)


def main() -> None:
    """Write the samples into the pages; those of real captures only where the captures are."""
    names = SAMPLES if SHARED.is_dir() else {"made-up": made_up}
    samples = {name: sample() for name, sample in names.items()}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(rendered(text, samples), encoding="utf-8")


if __name__ == "__main__":
    main()
