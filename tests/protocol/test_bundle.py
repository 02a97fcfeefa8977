"""Bundles: several compressed bodies in one request."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_protocol import BatchError, Fault, bundle

BODIES = st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=bundle.MAX_BUNDLED)


@given(BODIES)
def test_what_is_packed_is_unpacked(bodies: list[bytes]) -> None:
    packed = bundle.pack(bodies)
    assert bundle.unpack(packed) == tuple(bodies)
    assert len(packed) == bundle.bundled_bytes(bodies)


@given(st.binary(max_size=400))
def test_any_bytes_are_unpacked_or_refused(content: bytes) -> None:
    with suppress(BatchError):
        assert bundle.pack(bundle.unpack(content)) == content


@given(BODIES, st.data())
def test_a_bundle_cut_short_is_refused_or_ends_between_two_bodies(
    bodies: list[bytes], data: st.DataObject
) -> None:
    packed = bundle.pack(bodies)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    with suppress(BatchError):
        assert bundle.unpack(cut) == tuple(bodies[: len(bundle.unpack(cut))])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", Fault.ENCODING),
        (b"\0\0\0\0", Fault.ENCODING),
        (b"\xff\xff\xff\xff", Fault.ENCODING),
        (b"\0\0\0\1x" * (bundle.MAX_BUNDLED + 1), Fault.SIZE),
        (bytes(bundle.MAX_BUNDLE_BYTES + 1), Fault.SIZE),
    ],
)
def test_limits_are_checked_before_anything_is_made(content: bytes, fault: Fault) -> None:
    with pytest.raises(BatchError) as caught:
        bundle.unpack(content)
    assert caught.value.fault is fault


@pytest.mark.parametrize(
    "bodies", [[], [b"x"] * (bundle.MAX_BUNDLED + 1), [b""], [bytes(bundle.MAX_BUNDLE_BYTES)]]
)
def test_nothing_is_packed_that_could_not_be_unpacked(bodies: list[bytes]) -> None:
    with pytest.raises(BatchError):
        bundle.pack(bodies)
