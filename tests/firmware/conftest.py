"""A card's places, with what a user would write on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from firmware.provisioning.apply import Places

from tests.firmware.test_settings import GOOD


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "boot", tmp_path / "data", tmp_path / "root")
    for folder in (made.boot, made.data, made.root):
        folder.mkdir()
    (made.boot / "sensor.txt").write_text(GOOD, encoding="utf-8")
    return made
