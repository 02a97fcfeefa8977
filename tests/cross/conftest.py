"""Tools of Debian that building packages needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_TOOLS = (Path("/usr/bin/dpkg-deb"), Path("/usr/bin/readelf"))


@pytest.fixture(scope="session")
def packaging() -> None:
    """dpkg-deb and readelf are there: elsewhere than on Debian these tests skip, and in CI they fail."""
    missing = [str(tool) for tool in _TOOLS if not tool.exists()]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)}: missing, and CI must test the packages")
    if missing:
        pytest.skip(f"{', '.join(missing)}: only Debian and its like have them")
