"""What the agent's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.agent.agent import Agent
from tests.agent.collector import Collector, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that listens on loopback."""
    with serving() as running:
        yield running


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """A sensor without a collector."""
    return Agent(tmp_path).configure()
