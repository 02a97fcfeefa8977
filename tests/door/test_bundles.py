"""Several batches a request: a verdict on each, and what keeps one out keeps no other out."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import msgpack  # type: ignore[import-untyped] # the package ships no types
import pytest

from teiten_protocol import SUPPORTED_VERSIONS, compress, digest, encode
from teiten_protocol.bundle import BUNDLE_MEDIA_TYPE, MAX_BUNDLE_BYTES, MAX_BUNDLED, pack
from tests.door.requesting import headers, post, raw, send
from tests.store.building import AUGUST, batch, tuple4

if TYPE_CHECKING:
    import requests

    from tests.door.conftest import Collector

AS_A_BUNDLE = {"Content-Type": BUNDLE_MEDIA_TYPE, "Content-Encoding": None}
SOURCE = "192.0.2.1"


def made(sequence: int, epoch: int = 50, packets: int = 1) -> bytes:
    return compress(encode(batch(sequence, epoch=epoch, ipv4=(tuple4(AUGUST, SOURCE, packets=packets),))))


def post_bundle(collector: Collector, *bodies: bytes, sensor: str = "tokyo-01") -> requests.Response:
    return post(collector, pack(bodies), sensor, changed=AS_A_BUNDLE)


def verdicts(answer: requests.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    listed: list[dict[str, Any]] = answer.json()["verdicts"]
    return listed


def test_each_batch_is_acknowledged_by_its_own_verdict_in_order(collector: Collector) -> None:
    before = collector.packets()
    found = verdicts(post_bundle(collector, made(0), made(1), made(0)))
    assert [(one["status"], one["sequence"], one["repeat"]) for one in found] == [
        (201, 0, False),
        (201, 1, False),
        (200, 0, True),
    ]
    assert found[1] == {
        "status": 201,
        "sensor": "tokyo-01",
        "epoch": 50,
        "sequence": 1,
        "sha256": digest(encode(batch(1, epoch=50, ipv4=(tuple4(AUGUST, SOURCE),)))).hex(),
        "repeat": False,
    }
    assert collector.packets() == before + 2


def test_what_keeps_one_out_keeps_no_other_out(collector: Collector) -> None:
    strange = compress(encode(batch(2, sensor="osaka-01")))
    found = verdicts(post_bundle(collector, made(10), b"no batch", made(10, packets=2), strange, made(11)))
    assert [(one["status"], one.get("error")) for one in found] == [
        (201, None),
        (422, "batch"),
        (409, "conflict"),
        (403, "other_sensor"),
        (201, None),
    ]
    assert all(one["reason"] for one in found if "error" in one)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "batch"),
        (b"\0\0\0", "batch"),
        (struct.pack(">I", 2**32 - 1) + b"x", "batch"),
        (struct.pack(">I", 2) + b"x", "batch"),
        (struct.pack(">I", 1) * (MAX_BUNDLED + 1) + b"x", "batch"),
        ((struct.pack(">I", 1) + b"x") * (MAX_BUNDLED + 1), "too_large"),
    ],
)
def test_what_is_no_bundle_is_refused_as_a_whole(collector: Collector, body: bytes, error: str) -> None:
    durable = collector.journaled()
    answer = post(collector, body, changed=AS_A_BUNDLE)
    assert answer.json()["error"] == error
    assert collector.journaled() == durable


def test_a_bundle_announced_as_too_large_is_refused_before_it_is_read(collector: Collector) -> None:
    fields = {**headers(collector.tokens["tokyo-01"]), "Content-Length": str(MAX_BUNDLE_BYTES + 1)}
    del fields["Content-Encoding"]
    status, _ = raw(collector, {**fields, "Content-Type": BUNDLE_MEDIA_TYPE}.items())
    assert status == 413


def test_a_compressed_bundle_is_refused(collector: Collector) -> None:
    answer = post(collector, pack([made(20)]), changed={**AS_A_BUNDLE, "Content-Encoding": "deflate"})
    assert (answer.status_code, answer.json()["error"]) == (415, "encoding")


def test_a_version_that_is_not_spoken_is_refused_with_those_that_are(collector: Collector) -> None:
    body = msgpack.unpackb(encode(batch(30)))
    body["version"] = 99
    answer = post(collector, compress(msgpack.packb(body)))
    spoken = sorted(SUPPORTED_VERSIONS)
    assert (answer.status_code, answer.json()["error"], answer.json()["versions"]) == (422, "version", spoken)
    found = verdicts(post_bundle(collector, compress(msgpack.packb(body))))
    assert (found[0]["status"], found[0]["versions"]) == (422, spoken)


def test_a_batch_that_expands_far_is_taken_all_the_same(collector: Collector) -> None:
    """Beyond `SMALL_BYTES` it waits for a place of its own."""
    rows = tuple(tuple4(AUGUST, number, packets=1) for number in range(240_000))
    large = batch(40, epoch=50, ipv4=rows)
    assert len(encode(large)) > 8 << 20
    assert send(collector, large).status_code == 201
