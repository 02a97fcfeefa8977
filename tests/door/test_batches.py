"""What the door takes in, and what it refuses, over real HTTP."""

from __future__ import annotations

import zlib
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from teiten_protocol import (
    MAX_BODY_BYTES,
    MAX_COMPRESSED_BYTES,
    SUPPORTED_VERSIONS,
    DetectionRow,
    compress,
    digest,
    encode,
)
from tests.door.requesting import headers, post, raw, send
from tests.store.building import AUGUST, IPV4, batch, tuple4, tuple6

if TYPE_CHECKING:
    from tests.door.conftest import Collector

SOURCE = "192.0.2.1"


def test_a_new_batch_is_acknowledged_by_its_key_and_digest(collector: Collector) -> None:
    sent = batch(1, ipv4=(tuple4(AUGUST, SOURCE, packets=3),))
    answer = send(collector, sent)
    assert answer.status_code == 201
    assert answer.json() == {
        "sensor": "tokyo-01",
        "epoch": 1,
        "sequence": 1,
        "sha256": digest(encode(sent)).hex(),
        "repeat": False,
    }


def test_a_repeat_is_acknowledged_and_counted_once(collector: Collector) -> None:
    sent = batch(2, ipv4=(tuple4(AUGUST, SOURCE, packets=5),))
    before = collector.packets()
    assert send(collector, sent).status_code == 201
    repeated = send(collector, sent)
    assert (repeated.status_code, repeated.json()["repeat"]) == (200, True)
    assert collector.packets() == before + 5


def test_the_same_key_with_other_content_is_a_conflict_and_is_logged(collector: Collector) -> None:
    sent = batch(3, ipv4=(tuple4(AUGUST, SOURCE),))
    assert send(collector, sent).status_code == 201
    durable = collector.journaled()
    answer = send(collector, batch(3, ipv4=(tuple4(AUGUST, SOURCE, packets=2),)))
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert collector.journaled() == durable
    assert "error=conflict" in collector.log.read_text(encoding="utf-8")


def test_other_settings_within_an_epoch_are_a_conflict(collector: Collector) -> None:
    assert send(collector, batch(4, epoch=9)).status_code == 201
    assert send(collector, batch(5, epoch=9, settings=b"\1" * 32)).status_code == 409


def test_a_batch_of_another_sensor_is_refused(collector: Collector) -> None:
    answer = send(collector, batch(6), sensor="osaka-01")
    assert (answer.status_code, answer.json()["error"]) == (403, "other_sensor")


@pytest.mark.parametrize("family", ["ipv4", "ipv6", "detections"])
def test_an_address_that_is_not_registered_is_refused(collector: Collector, family: str) -> None:
    durable = collector.journaled()
    mine = tuple4(AUGUST, SOURCE)
    beyond = replace(mine, address=IPv4Address("198.51.100.16"))  # the first address after the /28
    sent = {
        "ipv4": batch(7, ipv4=(mine, beyond)),
        "ipv6": batch(7, ipv6=(replace(tuple6(AUGUST, 1), address=tuple6(AUGUST, 2**127).source),)),
        "detections": batch(
            7,
            detections=(
                DetectionRow(AUGUST, 1, IPV4, IPV4, 1),
                DetectionRow(AUGUST, 1, IPV4, beyond.address, 1),
            ),
        ),
    }[family]
    answer = send(collector, sent)
    assert (answer.status_code, answer.json()["error"]) == (403, "unregistered_address")
    assert "198.51.100" not in answer.text
    assert collector.journaled() == durable


@pytest.mark.parametrize("value", [None, "Bearer", "Bearer wrong", "Basic dG9reW8=", "Bearer teiten_00_00"])
def test_without_a_valid_token_nothing_is_looked_at(collector: Collector, value: str | None) -> None:
    answer = post(collector, b"no batch", changed={"Authorization": value})
    assert (answer.status_code, answer.json()["error"]) == (401, "token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_disabled_sensor_is_refused_at_once_and_comes_back_by_rotation(collector: Collector) -> None:
    added = collector.command("sensor", "add", "nara-01", "--monitored", "192.0.2.128/25")
    token = added.stdout.split()[-1]
    collector.tokens["nara-01"] = token
    sent = batch(1, sensor="nara-01")
    assert send(collector, sent, "nara-01").status_code == 201
    assert collector.command("sensor", "disable", "nara-01").returncode == 0
    assert send(collector, sent, "nara-01").status_code == 401
    collector.tokens["nara-01"] = collector.command("sensor", "rotate", "nara-01").stdout.split()[-1]
    assert send(collector, sent, "nara-01").status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("Content-Type", "application/json", "media_type"),
        ("Content-Type", None, "media_type"),
        ("Content-Encoding", "gzip", "encoding"),
        ("Content-Encoding", None, "encoding"),
    ],
)
def test_another_type_or_encoding_is_refused(
    collector: Collector, name: str, value: str | None, error: str
) -> None:
    answer = post(collector, compress(encode(batch(8))), changed={name: value})
    assert (answer.status_code, answer.json()["error"]) == (415, error)


def test_a_body_announced_as_too_large_is_refused_before_it_is_read(collector: Collector) -> None:
    fields = {**headers(collector.tokens["tokyo-01"]), "Content-Length": str(MAX_COMPRESSED_BYTES + 1)}
    status, _ = raw(collector, fields.items())
    assert status == 413


def test_a_body_of_no_stated_length_is_refused(collector: Collector) -> None:
    fields = {**headers(collector.tokens["tokyo-01"]), "Transfer-Encoding": "chunked"}
    status, _ = raw(collector, fields.items(), b"0\r\n\r\n")
    assert status == 411


def test_a_body_that_expands_beyond_the_limit_is_refused(collector: Collector) -> None:
    bomb = zlib.compress(VALID[:9] + bytes(MAX_BODY_BYTES), 9)  # it begins as a batch does
    assert len(bomb) < 100_000
    answer = post(collector, bomb)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_minutes_beyond_time_are_refused(collector: Collector) -> None:
    answer = send(collector, batch(9, ipv4=(tuple4(2**32 - 1, SOURCE),)))
    assert (answer.status_code, answer.json()["error"]) == (422, "batch")


def assert_refused(collector: Collector, body: bytes, durable: int) -> None:
    answer = post(collector, body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["reason"]
    assert collector.journaled() == durable


@settings(max_examples=60)
@given(body=st.binary(max_size=4096))
def test_any_bytes_are_refused_and_nothing_is_kept(collector: Collector, body: bytes) -> None:
    assert_refused(collector, body, collector.journaled())


@settings(max_examples=60)
@given(body=st.binary(max_size=4096))
def test_any_bytes_well_compressed_are_refused_and_nothing_is_kept(collector: Collector, body: bytes) -> None:
    assert_refused(collector, compress(body), collector.journaled())


VALID = encode(batch(10, ipv4=(tuple4(AUGUST, SOURCE),), ipv6=(tuple6(AUGUST, 1),)))


@settings(max_examples=60)
@given(at=st.integers(0, len(VALID) - 1), cut=st.booleans())
def test_a_batch_cut_short_or_added_to_is_refused(collector: Collector, at: int, cut: bool) -> None:  # noqa: FBT001
    body = VALID[:at] if cut else VALID[:at] + b"\x00" + VALID[at:]
    answer = post(collector, compress(body))
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_its_health_can_be_asked_for(collector: Collector, path: str) -> None:
    assert requests.get(f"{collector.url}{path}", timeout=30).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/batches", 405), ("POST", "/", 404)])
def test_whatever_else_is_asked_gets_an_answer_in_json(
    collector: Collector, method: str, path: str, status: int
) -> None:
    answer = requests.request(method, f"{collector.url}{path}", timeout=30)
    assert answer.status_code == status
    assert answer.json().keys() >= {"error", "reason"}
    assert answer.json()["versions"] == sorted(SUPPORTED_VERSIONS)


def test_no_monitored_address_is_in_the_log(collector: Collector) -> None:
    log = collector.log.read_text(encoding="utf-8")
    assert log
    assert "198.51.100" not in log
    assert "2001:db8" not in log
