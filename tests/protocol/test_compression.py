"""Expansion is bounded and takes whole streams only."""

from __future__ import annotations

import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_protocol import BatchError, Fault, compress, expand, limits


@given(st.binary())
def test_a_body_survives_compression(body: bytes) -> None:
    assert expand(compress(body)) == body


@given(st.binary())
def test_any_bytes_expand_within_the_limit_or_raise_a_batch_error(compressed: bytes) -> None:
    try:
        body = expand(compressed, 64)
    except BatchError:
        return
    assert len(body) <= 64


@pytest.mark.parametrize("length", [0, 1, 999, 1000])
def test_a_body_at_the_limit_is_taken_and_one_over_it_refused(length: int) -> None:
    assert expand(compress(bytes(length)), 1000) == bytes(length)
    with pytest.raises(BatchError) as caught:
        expand(compress(bytes(1001)), 1000)
    assert caught.value.fault is Fault.SIZE


def test_a_bomb_is_not_expanded() -> None:
    bomb = zlib.compress(bytes(64 << 20), 9)
    tracemalloc.start()
    try:
        with pytest.raises(BatchError):
            expand(bomb, 1 << 16)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_stream_cut_short_followed_by_bytes_or_of_another_kind_is_refused() -> None:
    whole = compress(b"teiten" * 100)
    raw = zlib.compressobj(wbits=-15)
    gzip = zlib.compressobj(wbits=31)
    for spoiled in (
        b"",
        whole[:-1],
        whole + b"\0",
        whole + whole,
        b"\0" + whole,
        raw.compress(b"teiten") + raw.flush(),
        gzip.compress(b"teiten") + gzip.flush(),
    ):
        with pytest.raises(BatchError) as caught:
            expand(spoiled)
        assert caught.value.fault is Fault.COMPRESSION


def test_a_preset_dictionary_is_refused() -> None:
    stream = zlib.compressobj(zdict=b"teiten")
    with pytest.raises(BatchError):
        expand(stream.compress(b"teiten") + stream.flush())


def test_a_body_that_does_not_compress_stays_within_the_limit_of_what_is_sent() -> None:
    body = random.Random(1).randbytes(8 << 20)
    grown = len(compress(body)) - len(body)
    assert grown * (limits.MAX_BODY_BYTES // len(body)) <= limits.MAX_COMPRESSED_BYTES - limits.MAX_BODY_BYTES


def test_more_compressed_bytes_than_any_body_needs_are_refused_unread() -> None:
    with pytest.raises(BatchError) as caught:
        expand(bytes(limits.MAX_COMPRESSED_BYTES + 1))
    assert caught.value.fault is Fault.SIZE
