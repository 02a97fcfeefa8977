"""How much memory counting may take: by the board, unless it is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from firmware.provisioning.overrides import LARGEST_SHARE
from firmware.provisioning.profile import PROFILES, choose, total_megabytes
from firmware.provisioning.render import agent
from firmware.provisioning.settings import read

from teiten_agent import config
from tests.firmware.test_settings import GOOD

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("has", "board"),
    [(0, 512), (470, 512), (767, 512), (768, 1_024), (925, 1_024), (3_800, 1_024)],
)
def test_the_board_decides_unless_it_is_set(has: int, board: int) -> None:
    assert choose(None, has) is PROFILES[board]
    assert choose(512, has) is PROFILES[512]
    assert choose(1_024, has) is PROFILES[1_024]


@pytest.mark.parametrize("board", PROFILES)
def test_the_agent_takes_what_a_profile_sets(board: int) -> None:
    asked = read(f"{GOOD}\nmemory-profile = {board}\n".encode()).memory_profile
    assert asked == board
    made = config.parse(
        agent(read(GOOD.encode()), choose(asked, 0), authority=False, spool_megabytes=1).encode(), "x"
    )
    assert made.limits.table_megabytes == PROFILES[board].table_megabytes
    assert made.capture.ring_megabytes == PROFILES[board].ring_megabytes


@pytest.mark.parametrize(("board", "has"), [(512, 470), (1_024, 768)])
def test_a_profile_keeps_within_what_can_be_set_from_afar(board: int, has: int) -> None:
    profile = PROFILES[board]
    assert (profile.table_megabytes + profile.ring_megabytes) * LARGEST_SHARE <= has


def test_what_the_kernel_says_is_read(tmp_path: Path) -> None:
    source = tmp_path / "meminfo"
    source.write_text("MemTotal:         481508 kB\nMemFree: 1 kB\n", encoding="ascii")
    assert total_megabytes(source) == 470
    source.write_text("nothing", encoding="ascii")
    assert total_megabytes(source) == 0
