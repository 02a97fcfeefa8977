"""A short run of what `make torture` runs for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.kills import Torture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.end_to_end
def test_twenty_kills_on_a_bad_network_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    score = Torture(tmp_path, seed=20090831).run(kills=20)
    assert score.kills >= 20
