"""Enrolling on the appliance: what is left where, whatever the agent's command answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from firmware.provisioning.enrol import COMPLAINTS, enrol

if TYPE_CHECKING:
    from pathlib import Path

CODE = "enrol_0123456789abcdef_0123456789abcdefABCDEF\n"


def answering(exit_code: int) -> list[str]:
    """A command that ends so once it was given the code."""
    program = (
        "import sys; given = sys.stdin.read()\n"
        f"print('said', file=sys.stderr); sys.exit({exit_code} if given == {CODE!r} else 3)"
    )
    return [sys.executable, "-c", program]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    (tmp_path / "boot").mkdir()
    (tmp_path / "data/keys").mkdir(parents=True)
    (tmp_path / "data/keys/code").write_text(CODE, encoding="ascii")
    return tmp_path


def attempt(card: Path, exit_code: int) -> int:
    return enrol(card / "boot", card / "data", answering(exit_code))


def test_an_accepted_sensor_forgets_its_code_and_old_complaints(card: Path) -> None:
    attempt(card, 69)
    assert attempt(card, 0) == 0
    assert not (card / "data/keys/code").exists()
    assert not (card / "boot" / COMPLAINTS).exists()


@pytest.mark.parametrize("exit_code", [1, 78])
def test_a_refusal_stands_on_the_boot_partition_with_what_to_do(card: Path, exit_code: int) -> None:
    assert attempt(card, exit_code) == exit_code
    told = (card / "boot" / COMPLAINTS).read_text(encoding="utf-8")
    assert "said" in told
    assert "Write a new code into sensor.txt" in told


def test_a_collector_that_is_away_is_told_once_and_the_code_kept(card: Path) -> None:
    attempt(card, 69)
    complaints = card / "boot" / COMPLAINTS
    written = complaints.stat().st_ino
    assert attempt(card, 69) == 69
    assert complaints.stat().st_ino == written
    assert "tried again" in complaints.read_text(encoding="utf-8")
    assert (card / "data/keys/code").exists()
