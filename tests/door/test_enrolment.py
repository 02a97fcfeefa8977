"""Enrolment over HTTP, and from end to end: the commands of both programs, TLS between them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from teiten_collector.door import Refusal, RefusalCode
from teiten_collector.door.rates import ENROLMENTS_A_MINUTE, Rates
from teiten_protocol.enrolment import MAX_BYTES, PATH, Enrolment, new_code, new_token
from tests.door.conftest import Collector, configure, register, serving
from tests.door.in_process import PLENTY
from tests.door.requesting import TIMEOUT_SECONDS, send
from tests.store.building import AUGUST, batch, tuple4

TLS = Path(__file__).parents[1] / "agent/tls"
SENSOR = "tokyo-01"
CODE = f"enrol_{'0' * 16}_{'A' * 22}"
TOKEN = f"teiten_{'0' * 16}_{'A' * 43}"


def ask(url: str, body: bytes, content_type: str = "application/json") -> tuple[int, dict[str, object]]:
    answer = requests.post(
        f"{url}{PATH}", data=body, headers={"Content-Type": content_type}, timeout=TIMEOUT_SECONDS
    )
    return answer.status_code, answer.json()


def test_an_enrolled_token_lets_batches_in(collector: Collector) -> None:
    printed = collector.command("sensor", "enrol", SENSOR)
    assert printed.returncode == 0, printed.stderr
    token = new_token()
    enrolment = Enrolment(SENSOR, printed.stdout.split()[-1], token).encode()
    assert ask(collector.url, enrolment) == (201, {"sensor": SENSOR, "repeat": False})
    assert ask(collector.url, enrolment) == (200, {"sensor": SENSOR, "repeat": True})
    collector.tokens[SENSOR] = token
    assert send(collector, batch(1, ipv4=(tuple4(AUGUST, "192.0.2.1"),))).status_code == 201


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "body: must be JSON"),
        (b"[" * 1000, "body: must be JSON"),
        (b"[]", "body: must be an object of sensor, code and token, and nothing else"),
        (json.dumps({"sensor": SENSOR, "code": 7, "token": TOKEN}).encode(), "code: must match"),
        (json.dumps({"sensor": "A", "code": CODE, "token": TOKEN}).encode(), "sensor: must"),
        (json.dumps({"sensor": SENSOR, "code": CODE, "token": "easy"}).encode(), "token: must"),
    ],
)
def test_what_is_no_enrolment_is_told_where(collector: Collector, body: bytes, said: str) -> None:
    status, answer = ask(collector.url, body)
    assert status == 422
    assert answer["error"] == "enrolment"
    assert str(answer["reason"]).startswith(said)


def test_a_code_that_lets_nobody_in_is_refused_with_what_to_do(collector: Collector) -> None:
    status, answer = ask(collector.url, Enrolment(SENSOR, new_code(), new_token()).encode())
    assert (status, answer["error"]) == (403, "code")
    assert str(answer["reason"]).endswith("make another with: teiten-collector sensor enrol")


def test_another_type_or_a_body_over_the_limit_is_not_read(collector: Collector) -> None:
    assert ask(collector.url, b"{}", "text/plain")[0] == 415
    assert ask(collector.url, b" " * (MAX_BYTES + 1))[0] == 413


@pytest.mark.parametrize("hours", ["0", "-1", "1.5", "9000"])
def test_a_code_holds_a_whole_number_of_hours(collector: Collector, hours: str) -> None:
    refused = collector.command("sensor", "enrol", SENSOR, "--hours", hours)
    assert refused.returncode == 2
    assert "must be a whole number of hours" in refused.stderr


def test_guessers_are_slowed_down_and_sensors_with_tokens_are_not() -> None:
    now = [0.0]
    rates = Rates(PLENTY, clock=lambda: now[0])
    for _ in range(ENROLMENTS_A_MINUTE):
        rates.admit_enrolment()
    with pytest.raises(Refusal) as refused:
        rates.admit_enrolment()
    assert (refused.value.code, refused.value.retry_after) == (RefusalCode.RATE, 1)
    rates.admit_stranger()
    with rates.inside(SENSOR, 1):
        pass
    now[0] = 1.0
    rates.admit_enrolment()


def agent(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "teiten_agent", *words],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
        timeout=TIMEOUT_SECONDS,
    )


def test_a_sensor_enrols_by_its_command_over_tls_and_uploads(tmp_path: Path) -> None:
    server = (
        'listen = "127.0.0.1:0"',
        f"tls_certificate = {json.dumps(str(TLS / 'server.pem'))}",
        f"tls_key = {json.dumps(str(TLS / 'server.pem'))}",
    )
    configuration = configure(tmp_path, server=server)
    with serving(configuration, tokens=register(configuration)) as collector:
        own = tmp_path / "agent.toml"
        own.write_text(
            f'[sensor]\nid = "{SENSOR}"\nmonitored = ["198.51.100.0/28"]\n'
            f'[uplink]\ncollector = {json.dumps(collector.url)}\ntoken_file = "token"\n'
            f'ca_file = {json.dumps(str(TLS / "authority.pem"))}\n[spool]\ndirectory = "spool"\n',
            encoding="utf-8",
        )
        code = collector.command("sensor", "enrol", SENSOR).stdout.split()[-1]
        enrol = ("enrol", "--config", str(own), "--code-file", "-")
        first = agent(*enrol, stdin=f"{code}\n")
        assert first.returncode == 0, first.stderr
        token = (tmp_path / "token").read_text(encoding="ascii")
        assert (tmp_path / "token").stat().st_mode & 0o077 == 0
        again = agent(*enrol, stdin=code)
        assert again.returncode == 0, again.stderr
        assert (tmp_path / "token").read_text(encoding="ascii") == token
        assert agent("spool", "upload", "--config", str(own)).returncode == 0
        assert collector.store.registry.authenticate(token.strip()) is not None

        (tmp_path / "token").unlink()
        thief = agent(*enrol, stdin=code)
        assert thief.returncode == 1
        assert "the code was used before with another token" in thief.stderr
        nonsense = agent(*enrol, stdin="enrol_nonsense")
        assert nonsense.returncode == 78
        assert "copy the code as" in nonsense.stderr
    away = agent(*enrol, stdin=code)
    assert away.returncode == 69
