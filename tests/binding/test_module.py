"""The module itself."""

from __future__ import annotations

from importlib.metadata import version

from teiten_agent import _core


def test_the_core_is_of_the_distributions_version() -> None:
    assert _core.__version__ == version("teiten-agent")


def test_the_core_says_how_it_was_built() -> None:
    assert _core.BUILD_PROFILE in {"release", "debug"}
