"""Torture of live capture takes a wire."""

from __future__ import annotations

from tests.live.conftest import wire

__all__ = ["wire"]
