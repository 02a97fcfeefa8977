"""A wire for each test that wants one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.live.wire import NoWireError, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A namespace with a veth pair; the test is inside it.

    It takes root. Elsewhere such tests skip and say so; in CI that is a failure, so that no run passes by
    having captured nothing.
    """
    made = Wire()
    try:
        made.__enter__()
    except (NoWireError, FileNotFoundError) as error:
        if os.environ.get("CI"):
            pytest.fail(f"no network namespace can be made, and CI must capture live: {error}")
        pytest.skip(f"no live capture here, which takes root and iproute2: {error}")
    try:
        yield made
    finally:
        made.__exit__(None, None, None)
