"""Detections in every real capture, held against another detector's with the same rules."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from teiten_agent.rules import load
from teiten_agent.rules.lint import lint

HERE = Path(__file__).resolve().parent
EXPLAINED: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(
    (HERE / "differences.toml").read_text(encoding="utf-8")
)
VARIABLES = ("DNS_SERVERS=192.0.2.53", "SMTP_SERVERS=192.0.2.25", "SQL_SERVERS=192.0.2.14")
"""As the alerts were made (README of the captures); every other address variable is any, in both."""

Pairs = dict[tuple[str, str], int]

pytestmark = pytest.mark.shared


def of_suricata(captures: Path) -> Pairs:
    found: Pairs = {}
    for path in sorted(captures.glob("*.alerts.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            sid, alerts, _ = line.split("\t", 2)
            found[path.name.removesuffix(".alerts.tsv"), sid] = int(alerts)
    return found


def of_ours(shared: Path) -> Pairs:
    found: Pairs = {}
    variables = [word for variable in VARIABLES for word in ("--variable", variable)]
    rules = str(shared / "rules" / "telescope" / "telescope.rules")
    for path in sorted((shared / "captures").glob("*.alerts.tsv")):
        capture = path.name.removesuffix(".alerts.tsv")
        command = [sys.executable, "-m", "teiten_agent", "count", "--json", "--rules", rules, *variables]
        done = subprocess.run(
            [*command, str(path.parent / capture)], capture_output=True, text=True, check=False
        )
        for sid, count in json.loads(done.stdout)["detections"].items():
            found[capture, sid] = count
    return found


def test_at_least_98_of_100_pairs_agree_and_every_difference_has_its_reason(shared: Path) -> None:
    theirs, ours = of_suricata(shared / "captures"), of_ours(shared)
    pairs = theirs.keys() | ours.keys()
    differing = {pair: (theirs.get(pair, 0), ours.get(pair, 0)) for pair in theirs.keys() ^ ours.keys()}
    explained = {
        (capture, sid): (entry["suricata"], entry["counted"])
        for capture, entries in EXPLAINED.items()
        for sid, entry in entries.items()
    }
    assert differing == explained
    assert all(entry["reason"] for entries in EXPLAINED.values() for entry in entries.values())
    assert len(pairs) - len(differing) >= 0.98 * len(pairs)


@pytest.mark.parametrize(
    "names",
    [
        "snort-2.2.0-gpl/*.rules",
        "snort3-community/*.rules",
        "suricata-8.0.7-events/*.rules",
        "et-open/*.rules",
        "psad/signatures",
        "telescope/*.rules",
    ],
)
def test_at_least_95_of_100_rules_that_need_no_session_are_usable(shared: Path, names: str) -> None:
    report = lint(load(sorted((shared / "rules").glob(names)), with_builtin=False))
    assert report.usable > 100
    assert report.share >= 0.95, report.text()
