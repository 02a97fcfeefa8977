"""A small fleet for a moment; `tests.ingestion.fleet_load` is the large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ingestion.fleet_load import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.end_to_end
def test_a_fleet_that_sends_at_once_loses_nothing(tmp_path: Path) -> None:
    outcome = run(tmp_path, sensors=40, batches=2, rows=20, pace=0.5)
    assert set(outcome.statuses) == {201}
    assert outcome.stored == outcome.rows == 40 * 2 * 20
