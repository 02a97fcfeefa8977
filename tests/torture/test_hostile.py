"""A short run of what `make torture` runs for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.hostile import MOST_MEBIBYTES, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.end_to_end
def test_hostile_requests_are_refused_in_bounded_memory_beside_an_honest_sensor(tmp_path: Path) -> None:
    outcome = run(tmp_path, requests=3_000, seed=7)
    assert outcome.taken == 0
    assert outcome.beside.failures == 0
    assert outcome.peak_mebibytes < MOST_MEBIBYTES
