"""What every test may ask for: the shared captures, Hypothesis in two profiles, interrupts that are heard."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", max_examples=5000, deadline=timedelta(seconds=5))
settings.load_profile(os.environ.get("TEITEN_HYPOTHESIS", "quick"))

# A run in the background begins with it ignored, and hands that on to the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside this checkout, with real captures and rule sets.

    A clone elsewhere has none: tests that need it skip there and say so. In CI its absence is a failure, so
    that no run passes by having tested nothing.
    """
    if SHARED.is_dir():
        return SHARED
    if os.environ.get("CI"):
        pytest.fail(f"{SHARED} is missing, and CI must run against the real captures")
    pytest.skip(f"no real captures here: {SHARED} does not exist")
