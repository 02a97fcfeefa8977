"""Every real capture, counted by us and by another program, key by key."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.captures.oracle import Oracle, read_oracle

HERE = Path(__file__).resolve().parent
SHARED_CAPTURES = HERE.parents[2] / "shared" / "captures"
NAMES = sorted(path.name.removesuffix(".oracle.tsv") for path in SHARED_CAPTURES.glob("*.oracle.tsv"))
EXPLAINED: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(
    (HERE / "differences.toml").read_text(encoding="utf-8")
)

pytestmark = pytest.mark.shared


def count(capture: Path, *options: str) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "teiten_agent", "count", "--json", *options, str(capture)],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout), done


def compared(shared: Path, name: str) -> tuple[Oracle, dict[str, Any], subprocess.CompletedProcess[str]]:
    counted, done = count(shared / "captures" / name)
    return read_oracle(shared / "captures" / f"{name}.oracle.tsv"), counted, done


def test_there_are_captures_to_compare(shared: Path) -> None:
    assert len(list((shared / "captures").glob("*.oracle.tsv"))) == len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_every_capture_equals_the_oracle(shared: Path, name: str) -> None:
    oracle, counted, _ = compared(shared, name)
    ours = {key: totals["packets"] for key, totals in counted["keys"].items()}
    differing = {
        key: {"oracle": oracle.keys.get(key, 0), "counted": ours.get(key, 0)}
        for key in oracle.keys | ours
        if oracle.keys.get(key, 0) != ours.get(key, 0)
    }
    explained = {
        key: {"oracle": entry["oracle"], "counted": entry["counted"]}
        for key, entry in EXPLAINED.get(name, {}).items()
    }
    assert differing == explained


@pytest.mark.parametrize("name", NAMES)
def test_every_record_is_counted_or_has_a_reason(shared: Path, name: str) -> None:
    oracle, counted, done = compared(shared, name)
    assert counted["packets"] == oracle.frames
    assert counted["packets"] == (
        counted["counted"] + counted["not_monitored"] + sum(counted["malformed"].values())
    )
    assert counted["counted"] == sum(totals["packets"] for totals in counted["keys"].values())
    assert sum(counted["classes"].values()) == counted["counted"]
    assert done.returncode in {0, 65}


def test_a_capture_cut_short_is_counted_up_to_the_fault_and_says_where(shared: Path) -> None:
    """`popup_and_http.pcap` ends in a cut-short record: 25 whole frames stand before it."""
    counted, done = count(shared / "captures" / "popup_and_http.pcap")
    assert done.returncode == 65
    assert counted["packets"] == 25
    assert "popup_and_http.pcap" in done.stderr
    assert "at byte" in done.stderr
