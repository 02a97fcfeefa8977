"""The uplink: what each answer of a collector leads to, over real HTTP."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from teiten_agent.errors import AgentError, ConfigurationError, UnreachableError
from teiten_agent.spool import Entry, survey
from teiten_agent.uplink import MAX_ANSWER_BYTES, Delivery, Patience, Uplink, deliver, read_token
from teiten_agent.uplink.uploads import phase_seconds
from tests.agent.agent import Agent
from tests.agent.batches import EPOCH, SENSOR, Spooling
from tests.agent.collector import TOKEN, Answer, Collector, serving

TLS = Path(__file__).parent / "tls"


class Sensor:
    """An uplink that notes its pauses instead of sleeping, and a spool with batches."""

    def __init__(self, home: Path, url: str) -> None:
        """Configure and spool two batches; each goes in a request of its own."""
        agent = Agent(home, SENSOR).configure(collector=url)
        self.configuration = replace(agent.configuration.uplink, batches_per_request=1)
        self.pauses: list[float] = []
        self.patience = Patience(attempts=4)
        self.spooling = Spooling(home / "spool")
        self.spooling.fill(0, 1)

    def deliver(self) -> Delivery:
        """Send what waits."""
        uplink = Uplink(self.configuration, patience=self.patience, sleep=self.pauses.append)
        with self.spooling.open() as spool:
            return deliver(spool, uplink, self.spooling.said.append)

    @property
    def waiting(self) -> list[Entry]:
        """What waits still."""
        with self.spooling.open() as spool:
            return spool.waiting()


@pytest.fixture
def sensor(tmp_path: Path, collector: Collector) -> Sensor:
    return Sensor(tmp_path, collector.url)


def test_batches_are_sent_with_the_token_and_acknowledged(sensor: Sensor, collector: Collector) -> None:
    assert sensor.deliver() == Delivery(acknowledged=2)
    assert list(collector.held) == [(SENSOR, EPOCH, 0), (SENSOR, EPOCH, 1)]
    assert collector.authorizations == [f"Bearer {TOKEN}"] * 2
    assert sensor.waiting == []


def test_a_repeat_is_acknowledged_too(sensor: Sensor, collector: Collector) -> None:
    files = {path: path.read_bytes() for path in sensor.spooling.directory.glob("*.batch")}
    record = next((sensor.spooling.directory / "epochs").glob("*.json"))
    before = record.read_bytes()
    sensor.deliver()
    record.write_bytes(before)  # the acknowledgements were lost
    for path, content in files.items():
        path.write_bytes(content)
    assert sensor.deliver() == Delivery(acknowledged=2, repeats=2)
    assert collector.counted == 2
    assert sensor.waiting == []


def test_a_busy_collector_is_tried_again_after_the_time_it_states(
    sensor: Sensor, collector: Collector
) -> None:
    soon = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    collector.script = [
        Answer(503, headers=(("Retry-After", "7"),)),
        Answer(429, headers=(("Retry-After", "100000"),)),
        Answer(503, headers=(("Retry-After", soon),)),
    ]
    assert sensor.deliver().acknowledged == 2
    assert sensor.pauses == [7.0, sensor.patience.longest_stated_pause, 0.0]


def test_pauses_grow_with_full_jitter_up_to_a_bound(sensor: Sensor, collector: Collector) -> None:
    collector.always = Answer(500)
    sensor.patience = Patience(attempts=8, first_pause=0.5, longest_pause=4)
    with pytest.raises(UnreachableError, match=r"answers 500 \(told: the test says so\), 8 times"):
        sensor.deliver()
    assert len(sensor.pauses) == 7
    for pause, bound in zip(sensor.pauses, [0.5, 1, 2, 4, 4, 4, 4], strict=True):
        assert 0 <= pause <= bound
    assert collector.requests == 8


def test_an_unreachable_collector_loses_nothing(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        sensor = Sensor(tmp_path, f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(UnreachableError) as caught:
            sensor.deliver()
    assert "cannot be reached: Connection refused, 4 times" in caught.value.what
    assert "every batch is kept" in caught.value.remedy
    assert sensor.waiting == [Entry(EPOCH, 0), Entry(EPOCH, 1)]


@pytest.mark.parametrize("status", [409, 413, 422])
def test_a_refused_batch_is_set_aside_and_the_next_is_sent(
    sensor: Sensor, collector: Collector, status: int
) -> None:
    collector.script = [Answer(status)]
    delivery = sensor.deliver()
    assert (delivery.acknowledged, len(delivery.refused)) == (1, 1)
    assert f"refused by the collector: {status}: told: the test says so" in sensor.spooling.said[0]
    assert sensor.waiting == []
    assert survey(sensor.spooling.directory, 10).refused == 1


def test_many_refusals_are_told_in_few_lines(sensor: Sensor, collector: Collector) -> None:
    collector.always = Answer(409)
    sensor.spooling.fill(*range(20))
    assert len(sensor.deliver().refused) == 20
    assert len(sensor.spooling.said) == 6
    assert sensor.spooling.said[-1].startswith("15 more were refused")


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer(401), ConfigurationError, "does not know this sensor's token"),
        (Answer(404, b"<html>\x1b[2Jnot here"), UnreachableError, r"answers 404 \(<html> \[2Jnot here\)"),
        (Answer(415), UnreachableError, "answers 415"),
        (
            Answer(302, b"", (("Location", "http://127.0.0.1:9/"),)),
            UnreachableError,
            r"answers 302 \(no text\)",
        ),
        (Answer(200, b"hello"), UnreachableError, "answers success without an acknowledgement: hello"),
        (
            Answer(201, b"[" * MAX_ANSWER_BYTES),
            UnreachableError,
            "answers success without an acknowledgement",
        ),
        (Answer(201, b'"x"' * MAX_ANSWER_BYTES), UnreachableError, "answers success without"),
        (
            Answer(201, b'{"sensor": "x", "epoch": 1, "sequence": 1, "sha256": "", "repeat": false}'),
            UnreachableError,
            "acknowledges another batch",
        ),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
def test_an_answer_that_is_none_of_a_collector_ends_the_upload_and_keeps_the_batches(
    sensor: Sensor, collector: Collector, answer: Answer, error: type[AgentError], said: str
) -> None:
    collector.script = [answer]
    with pytest.raises(error, match=said):
        sensor.deliver()
    assert sensor.waiting == [Entry(EPOCH, 0), Entry(EPOCH, 1)]
    assert collector.requests == 1


def test_a_collector_with_an_authority_of_its_own_is_trusted_by_ca_file_alone(tmp_path: Path) -> None:
    with serving(TLS / "server.pem") as collector:
        sensor = Sensor(tmp_path, collector.url)
        with pytest.raises(UnreachableError, match="its certificate is not trusted"):
            sensor.deliver()
        assert collector.requests == 0
        sensor.configuration = replace(sensor.configuration, ca_file=str(TLS / "authority.pem"))
        assert sensor.deliver().acknowledged == 2
        sensor.configuration = replace(sensor.configuration, ca_file=str(tmp_path / "none.pem"))
        with pytest.raises(ConfigurationError, match=r"none\.pem: holds no certificate: No such file"):
            sensor.deliver()
        sensor.configuration = replace(sensor.configuration, ca_file=str(tmp_path / "token"))
        with pytest.raises(ConfigurationError, match="token: holds no certificate"):
            sensor.deliver()


def test_nothing_of_the_environment_comes_between_agent_and_loopback(
    sensor: Sensor, collector: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    assert sensor.deliver().acknowledged == 2
    assert collector.authorizations == [f"Bearer {TOKEN}"] * 2


def test_without_a_collector_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Uplink(Agent(tmp_path).configure().configuration.uplink)
    assert "--no-upload" in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"good", 0o604, "is readable by everyone"),
        (b"", 0o600, "holds no token"),
        (b"two words", 0o600, "holds no token"),
        (b"line\nline", 0o600, "holds no token"),
        (b"\xe5\xae\x9a", 0o600, "holds no token"),
        (b"x" * 5000, 0o600, "holds no token"),
    ],
)
def test_a_token_file_that_cannot_be_used_is_named(
    tmp_path: Path, content: bytes, mode: int, said: str
) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=said):
        read_token(str(path))


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o660])
def test_a_token_may_be_shared_with_a_group(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    path.write_bytes(b" secret\r\n")
    path.chmod(mode)
    assert read_token(str(path)) == "secret"


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none: cannot be read: No such file"):
        read_token(str(tmp_path / "none"))


@pytest.mark.parametrize(("interval", "most"), [(60, 15.0), (1, 0.25), (3600, 15.0), (0, 0.0)])
def test_a_fleet_whose_minutes_end_at_once_does_not_send_at_once(interval: int, most: float) -> None:
    phases = [phase_seconds(f"sensor-{number}", interval) for number in range(2_000)]
    assert all(0.0 <= phase <= most for phase in phases)
    assert phases[0] == phase_seconds("sensor-0", interval)
    tenths = Counter(int(10 * phase / most) for phase in phases if most)
    assert all(150 < count < 250 for count in tenths.values())
