"""`teiten-agent rules`, and `count` with rules, as scripts use them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from teiten_agent.cli import main
from teiten_agent.rules import categories
from tests.rules.test_library import OWN


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_built_in_set_passes_lint_and_test(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "rules", "lint", "--json")
    assert code == 0
    assert json.loads(out)["usable_share"] == 1
    code, out, _ = run(capsys, "rules", "test")
    assert code == 0
    assert out.rstrip().endswith("0 failed")


def test_lint_says_no_where_a_rule_could_be_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.rules"
    path.write_text(OWN + "alert tcp any any -> any any (flow:established; sid:2;)\n", encoding="utf-8")
    code, out, _ = run(capsys, "rules", "lint", str(path))
    assert code == 0, "a rule that needs a session is no mistake"
    assert "1 usable (100.0% of the 1 that need no session), 1 need a session" in out
    path.write_text(
        OWN + "alert pkthdr any any -> any any (decode-event:sll.pkt_too_small; sid:2;)\n", encoding="utf-8"
    )
    code, out, _ = run(capsys, "rules", "lint", str(path))
    assert code == 0, "nor is one that speaks of what a sensor counts nowhere"
    assert "1 usable (100.0% of the 1 that need no session and name a sender)" in out
    assert "1 name no sender" in out
    path.write_text(OWN + "alert tcp any\n", encoding="utf-8")
    code, out, _ = run(capsys, "rules", "lint", str(path))
    assert code == 1
    assert f"{path}:2:" in out


def test_the_list_is_what_the_collector_reads(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "rules", "list", "--csv")
    assert code == 0
    lines = list(csv.DictReader(io.StringIO(out)))
    assert {"sid", "message", "category", "classtype"} == set(lines[0])
    assert [line["category"] for line in lines if line["message"] == "SQL Slammer"] == ["Worm"]
    code, out, _ = run(capsys, "rules", "list", "--json", "--category", "DNS")
    signatures = json.loads(out)["signatures"]
    assert {one["category"] for one in signatures} == {"DNS"}


def test_an_unknown_category_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "rules", "list", "--category", "Wurm")
    assert code == 2
    assert "known are Worm, Scan" in err


def test_explain_speaks_both_languages_or_the_one_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "rules", "explain", "9100002")
    assert code == 0
    assert "the ICMP type is 8" in out
    assert "ICMPタイプが8" in out
    _, out, _ = run(capsys, "rules", "explain", "9100002", "--language", "en")
    assert "ICMPタイプ" not in out
    code, _, err = run(capsys, "rules", "explain", "1")
    assert code == 2
    assert "there is no rule 1" in err


@pytest.mark.shared
def test_count_detects_with_the_built_in_set_or_with_the_files_alone(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = str(shared / "captures" / "slammer_worm.pcap")
    _, out, _ = run(capsys, "count", "--json", capture)
    assert json.loads(out)["detections"] == {"9100001": 9}
    path = tmp_path / "own.rules"
    path.write_text(OWN, encoding="utf-8")
    _, out, _ = run(capsys, "count", "--json", "--rules", str(path), capture)
    assert json.loads(out)["detections"] == {"1000001": 9}
    _, out, _ = run(capsys, "count", capture)
    assert "SQL Slammer" in out


def test_the_categories_printed_are_the_default_ones_for_a_file_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "rules", "categories")
    assert code == 0
    path = tmp_path / "categories.toml"
    path.write_text(out, encoding="utf-8")
    assert categories.read(path) == categories.read()
    path.write_text(out.replace('id = "Worm"', 'id = "Wurm"'), encoding="utf-8")
    code, out, _ = run(capsys, "rules", "list", "--categories", str(path), "--category", "Wurm")
    assert code == 0
    assert "SQL Slammer" in out
