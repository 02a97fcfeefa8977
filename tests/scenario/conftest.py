"""The small scenario, written once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from teiten_scenario.world import World, describe, plan, write
from tests.scenario.dissection import Packet, dissect, monitored_only, records

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Written:
    """A scenario on disk."""

    world: World
    directory: Path
    truth: dict[str, Any]

    def dissected(self, sensor: str) -> tuple[list[Packet], dict[str, int]]:
        """What a sensor's capture holds: packets to be counted, and why others are not."""
        found = [dissect(record) for record in records(self.directory / f"{sensor}.pcap")]
        packets, outside = monitored_only(
            [packet for packet in found if isinstance(packet, Packet)],
            self.truth["sensors"][sensor]["monitored"],
        )
        reasons: dict[str, int] = {"not_monitored": outside} if outside else {}
        for reason in found:
            if isinstance(reason, str):
                reasons[reason] = reasons.get(reason, 0) + 1
        return packets, reasons


def write_scenario(name: str, directory: Path) -> Written:
    """Write a built-in scenario."""
    world = plan(describe(name))
    write(world, directory)
    return Written(world, directory, json.loads((directory / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The built-in scenario for tests."""
    return write_scenario("small", tmp_path_factory.mktemp("small"))
