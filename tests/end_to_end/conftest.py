"""A collector that serves, and the small scenario written once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fleet import Collector, Sensor, run

SCENARIO = Path(sys.executable).parent / "teiten-scenario"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A written scenario: where it lies, and the counts that must come out."""

    directory: Path
    truth: dict[str, Any]

    @property
    def country_database(self) -> Path:
        """The countries of the scenario's own address blocks."""
        return self.directory / "country.mmdb"

    def enrol(self, collector: Collector) -> dict[str, Sensor]:
        """Register every sensor of the scenario."""
        return {
            identity: collector.add_sensor(
                identity, sensor["monitored"], groups=sensor["groups"], interval_seconds=3600
            )
            for identity, sensor in self.truth["sensors"].items()
        }

    def replay_arguments(self, identity: str) -> tuple[object, ...]:
        """The capture of a sensor and the span that it observed."""
        sensor = self.truth["sensors"][identity]
        return "--from", sensor["from"], "--to", sensor["to"], self.directory / sensor["capture"]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """Two sensors, three days, both families, every kind of event."""
    directory = tmp_path_factory.mktemp("small")
    run(SCENARIO, "write", "small", "--output", directory)
    return Scenario(directory, json.loads((directory / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture
def collector(tmp_path: Path, small: Scenario) -> Iterator[Collector]:
    """A collector of this test alone, serving on loopback."""
    with Collector(tmp_path / "collector", country_database=small.country_database).serving() as serving:
        yield serving
