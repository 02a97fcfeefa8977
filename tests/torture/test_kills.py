"""A short run of what `make torture` runs for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.kills import THREADS, Torture
from tests.torture.live_kills import LiveTorture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.wire import Wire


@pytest.mark.end_to_end
def test_twenty_kills_on_a_bad_network_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    score = Torture(tmp_path, seed=20090831).run(kills=20)
    assert score.kills >= 20


@pytest.mark.end_to_end
@pytest.mark.parametrize("threads", [1, THREADS])
def test_kills_of_live_capture_take_only_what_no_span_claims(
    tmp_path: Path, wire: Wire, threads: int
) -> None:
    score = LiveTorture(tmp_path, 20090831, threads).run(wire, kills=4)
    assert score.agents_killed == 4
    assert score.stored > 0
