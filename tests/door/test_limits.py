"""What one sender may cost: requests, bytes, time, connections. Another one is answered all the while."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import requests
from starlette.requests import Request

from teiten_collector.door import Limits, Refusal, RefusalCode, answers, bodies, connections, rates
from teiten_collector.door.bodies import Bodies
from teiten_collector.door.rates import MAX_AT_ONCE, Bucket, Rates
from teiten_protocol import MAX_COMPRESSED_BYTES, compress, encode
from tests.door.conftest import wait_until
from tests.door.in_process import door
from tests.door.requesting import headers
from tests.store.building import batch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.door.in_process import Door

BODY = compress(encode(batch(1)))


def post(given: Door, body: bytes = BODY, token: str | None = None, **more: str) -> requests.Response:
    sent = {**headers(token or given.tokens["tokyo-01"]), **more}
    return requests.post(f"{given.url}/v1/batches", data=body, headers=sent, timeout=30)


# Rates


def test_a_bucket_gives_its_capacity_at_once_and_then_as_it_fills() -> None:
    now = [0.0]
    bucket = Bucket(60, lambda: now[0])
    assert [bucket.take(1) for _ in range(60)] == [0.0] * 60
    assert bucket.take(1) == pytest.approx(1.0)
    now[0] += 1
    assert bucket.take(1) == 0.0
    assert bucket.take(1) > 0


def test_an_amount_above_the_capacity_is_had_once_and_paid_for_later() -> None:
    now = [0.0]
    bucket = Bucket(60, lambda: now[0])
    assert bucket.take(120) == 0.0
    assert bucket.take(1) == pytest.approx(61.0)


def test_one_sensor_has_a_bounded_number_of_requests_at_once() -> None:
    given = Rates(Limits(1000, 1 << 30))
    with ExitStack() as all_but_one:
        for _ in range(MAX_AT_ONCE - 1):
            all_but_one.enter_context(given.inside("tokyo-01", 1))
        with given.inside("tokyo-01", 1):
            with pytest.raises(Refusal) as caught, given.inside("tokyo-01", 1):
                pass
            assert (caught.value.code, caught.value.retry_after) == (RefusalCode.RATE, 1)
            with given.inside("osaka-01", 1):
                pass
        with given.inside("tokyo-01", 1):
            pass


def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path) -> None:
    with door(tmp_path, limits=Limits(requests=5, size=1 << 30)) as given:
        assert [post(given).status_code for _ in range(5)] == [201, 200, 200, 200, 200]
        answer = post(given)
        assert (answer.status_code, answer.json()["error"]) == (429, "rate")
        assert 0 < int(answer.headers["Retry-After"]) <= 12
        assert given.refusals.counts() == {RefusalCode.RATE: 1}


def test_too_many_bytes_are_told_when_to_come_back(tmp_path: Path) -> None:
    with door(tmp_path, limits=Limits(requests=1000, size=2 * len(BODY))) as given:
        assert [post(given).status_code for _ in range(3)] == [201, 200, 429]


def test_guessing_tokens_is_slowed_and_costs_a_known_sensor_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "STRANGERS_A_MINUTE", 30)
    with door(tmp_path) as given:
        assert post(given).status_code == 201
        session = requests.Session()
        statuses = [
            session.post(
                f"{given.url}/v1/batches",
                data=b"",
                headers=headers(f"teiten_{number:016x}_{'x' * 43}"),
                timeout=30,
            ).status_code
            for number in range(60)
        ]
        assert statuses[:29] == [401] * 29
        assert 429 in statuses
        assert post(given).status_code == 200


# Time


def test_a_body_that_comes_too_slowly_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LEAST_BODY_SECONDS", 0.2)
    monkeypatch.setattr(answers, "DRAIN_SECONDS", 0.2)
    with door(tmp_path) as given:
        connection = begin(given, len(BODY))
        connection.send(BODY[:10])
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (408, "close")
        assert post(given).status_code == 201
        connection.close()


def test_a_connection_that_says_nothing_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    with door(tmp_path) as given:
        for said in (b"", b"POST /v1/batches HTTP/1.1\r\nHost: x\r\n"):
            with socket.create_connection(("127.0.0.1", given.port)) as silent:
                silent.sendall(said)
                assert is_closed(silent)
        assert given.connections.timed_out == 2


def test_a_second_head_that_does_not_end_is_closed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    with door(tmp_path) as given, socket.create_connection(("127.0.0.1", given.port)) as kept:
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += kept.recv(4096)
        kept.sendall(b"GET /healthz HT")
        assert is_closed(kept)


def test_a_connection_is_kept_between_two_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    with door(tmp_path) as given, requests.Session() as session:
        for _ in range(2):
            assert session.get(f"{given.url}/healthz", timeout=30).status_code == 200
            began = time.monotonic()
            wait_until(lambda: time.monotonic() - began > 0.5)  # noqa: B023  # called at once
            assert given.connections.open == 1
        assert given.connections.timed_out == 0


def test_a_sensor_disabled_while_it_sends_is_refused(tmp_path: Path) -> None:
    with door(tmp_path) as given:
        connection = begin(given, len(BODY))
        wait_until(lambda: bool(list(given.contacts.all())))
        given.store.registry.disable("tokyo-01")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 1.1)
        connection.send(BODY)
        assert connection.getresponse().status == 401
        assert sum(given.store.ledger.count().values()) == 0
        connection.close()


# Memory


def test_a_body_that_is_announced_and_does_not_come_keeps_no_other_out(tmp_path: Path) -> None:
    with door(tmp_path) as given:
        held = begin(given, MAX_COMPRESSED_BYTES)
        held.send(b"x")
        wait_until(lambda: bool(list(given.contacts.all())))
        assert post(given).status_code == 201
        held.close()


def test_the_longest_body_gives_way_when_there_is_too_much_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "RESERVED_BYTES", 0)
    monkeypatch.setattr(answers, "DRAIN_SECONDS", 0.2)
    with door(tmp_path, most_held=150_000) as given:
        long, longer = begin(given, 200_000), begin(given, 200_000, "osaka-01")
        longer.send(bytes(140_000))
        long.send(bytes(20_000))
        answer = longer.getresponse()
        assert (answer.status, answer.getheader("Retry-After")) == (503, "5")
        assert post(given).status_code == 201
        long.send(bytes(180_000))
        assert long.getresponse().status == 503  # the longest is itself
        for connection in (long, longer):
            connection.close()


def test_short_bodies_find_room_where_long_ones_wait_to_be_looked_at() -> None:
    on_their_way = Bodies(most=1000)
    read, short, large = (on_their_way.of(Request({"type": "http", "headers": []})) for _ in range(3))
    with on_their_way.on_its_way(read), on_their_way.on_its_way(short), on_their_way.on_its_way(large):
        on_their_way.came(read, 1000)
        short.is_read = large.is_read = False
        on_their_way.came(short, bodies.SHORT_BYTES)
        with pytest.raises(Refusal) as refused:
            on_their_way.came(large, bodies.SHORT_BYTES + 1)
    assert refused.value.code is RefusalCode.BUSY


# Connections


def test_one_connection_too_many_is_closed_and_the_others_go_on(tmp_path: Path) -> None:
    with door(tmp_path, most=3) as given:
        with socket.create_connection(("127.0.0.1", given.port)):
            first = requests.Session()
            assert first.get(f"{given.url}/healthz", timeout=30).status_code == 200
            with (
                socket.create_connection(("127.0.0.1", given.port)),
                socket.create_connection(("127.0.0.1", given.port)) as late,
            ):
                assert is_closed(late)
                assert first.get(f"{given.url}/healthz", timeout=30).status_code == 200
        first.close()
        wait_until(lambda: given.connections.open == 0)
        assert post(given).status_code == 201


def test_one_address_gets_no_more_than_its_part(tmp_path: Path) -> None:
    with (
        door(tmp_path, most_from_one=1) as given,
        socket.create_connection(("127.0.0.1", given.port)),
        socket.create_connection(("127.0.0.1", given.port)) as second,
    ):
        assert is_closed(second)
        with socket.create_connection(
            ("127.0.0.1", given.port), source_address=("127.0.0.9", 0)
        ) as elsewhere:
            elsewhere.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert elsewhere.recv(4096).startswith(b"HTTP/1.1 200")


# Early answers


@pytest.mark.parametrize("size", [10, 100_000, 20_000_000])
def test_an_early_refusal_reaches_a_sender_that_is_still_sending(tmp_path: Path, size: int) -> None:
    """It would be lost in a reset if the connection were closed at once."""
    with door(tmp_path) as given:
        answer = post(given, bytes(size), token="wrong")  # noqa: S106 - it opens nothing
        assert (answer.status_code, answer.headers["Connection"]) == (401, "close")


def test_a_sender_that_waits_to_be_asked_is_refused_without_a_body(tmp_path: Path) -> None:
    with door(tmp_path) as given, socket.create_connection(("127.0.0.1", given.port)) as waiting:
        waiting.sendall(
            b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert waiting.recv(4096).startswith(b"HTTP/1.1 401")


def test_a_body_that_was_read_leaves_its_connection_open(tmp_path: Path) -> None:
    with door(tmp_path) as given, requests.Session() as session:
        for _ in range(3):
            answer = session.post(
                f"{given.url}/v1/batches",
                data=b"no batch",
                headers=headers(given.tokens["tokyo-01"]),
                timeout=30,
            )
            assert (answer.status_code, answer.headers.get("Connection")) == (422, None)
        assert given.connections.open == 1


def begin(given: Door, length: int, sensor: str = "tokyo-01") -> http.client.HTTPConnection:
    """A request whose head is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", given.port, timeout=30)
    connection.putrequest("POST", "/v1/batches")
    fields: dict[str, Any] = {**headers(given.tokens[sensor]), "Content-Length": length}
    for name, value in fields.items():
        connection.putheader(name, str(value))
    connection.endheaders()
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side ends it, without having said anything."""
    connection.settimeout(30)
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True
