"""Filters as the kernel is given them."""

from __future__ import annotations

from dataclasses import replace

import pcapy  # type: ignore[import-not-found]  # compiled, without types
import pytest

from teiten_agent.config import Capture
from teiten_agent.live.devices import DLT_EN10MB
from teiten_agent.live.filters import compile_filter


@pytest.mark.parametrize("snap_length", [96, 262_144])
def test_no_filter_is_what_libpcap_makes_of_an_empty_one(snap_length: int) -> None:
    capture = replace(Capture(), filter="", snap_length=snap_length)
    made = pcapy.compile(DLT_EN10MB, snap_length, "", 1, 0)
    assert compile_filter(capture, DLT_EN10MB) == tuple(made.get_bpf())
