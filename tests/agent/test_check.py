"""`check`: each step that can fail, failing for real, with what to do about it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.agent import Agent, run
from tests.agent.collector import Answer, Collector, serving
from tests.agent.traffic import days, write

if TYPE_CHECKING:
    from collections.abc import Iterator

TLS = Path(__file__).with_name("tls")
STEPS = (
    *("extension", "configuration", "counting", "rules", "spool", "clock"),
    *("filter", "interface", "capture", "traffic"),
    *("token", "name", "connection", "certificate", "collector", "registration", "delivery"),
)


def checked(agent: Agent, expect: int = 0) -> dict[str, dict[str, Any]]:
    """The steps by name, in order."""
    document = agent.document("check", expect=expect)
    steps = {str(step["name"]): step for step in document["steps"]}
    assert tuple(steps) == STEPS, "every step is told, whatever happens"
    assert document["ok"] is (expect == 0)
    return steps


def states(steps: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: step["state"] for name, step in steps.items()}


def test_everything_is_looked_at_and_nothing_is_changed(agent: Agent, collector: Collector) -> None:
    agent.configure(collector=collector.url)
    hearing = ("filter", "interface", "capture", "traffic")  # no interface is named: tests/live names one
    unlike = {**dict.fromkeys(hearing, "skipped"), "certificate": "skipped", "delivery": "unsure"}
    assert states(checked(agent)) == {**dict.fromkeys(STEPS, "ok"), **unlike}
    assert collector.requests == 0
    assert not agent.spool.exists()


def test_without_a_collector_its_steps_are_skipped(agent: Agent) -> None:
    assert {states(checked(agent))[name] for name in STEPS[10:]} == {"skipped"}


def test_the_first_failure_sets_the_exit_code_and_its_remedy_is_printed(
    agent: Agent, collector: Collector
) -> None:
    agent.configure(collector=collector.url)
    (agent.home / "token").chmod(0o644)
    done = agent.run("check", expect=78)
    assert "failed   token" in done.stdout
    assert f"-> chmod o-rwx {agent.home / 'token'}" in done.stdout


def test_without_a_configuration_nothing_else_is_looked_at(agent: Agent) -> None:
    agent.configuration_path.write_text("[sensor]\n")
    steps = checked(agent, expect=78)
    assert [name for name, state in states(steps).items() if state == "failed"] == ["configuration"]
    assert states(steps)["delivery"] == "skipped"


def test_memory_that_threads_cannot_share_is_named(agent: Agent) -> None:
    agent.configure(more="[capture]\nthreads = 2\n[limits]\ntable_megabytes = 1\n")
    assert "limits.table_megabytes: is 1 for 2 threads" in checked(agent, expect=78)["counting"]["said"]


def test_a_rule_file_that_is_not_there_is_named(agent: Agent) -> None:
    agent.configure(more='[rules]\nfiles = ["absent.rules"]\n')
    assert "absent.rules" in checked(agent, expect=78)["rules"]["said"]


def test_a_spool_that_cannot_grow_to_its_limit_is_named(agent: Agent) -> None:
    agent.configure(more="max_megabytes = 1000000\n")
    assert "short of what the spool may grow to" in checked(agent, expect=73)["spool"]["said"]


def test_a_spool_that_cannot_be_written_is_named(agent: Agent) -> None:
    agent.spool.write_text("a file in its place")
    agent.configure(more="").configuration_path.write_text(
        agent.configuration_path.read_text().replace('directory = "spool"', 'directory = "/proc/spool"')
    )
    assert "cannot be written" in checked(agent, expect=73)["spool"]["said"]


def test_a_name_that_leads_nowhere_is_named(agent: Agent) -> None:
    agent.configure(collector="https://collector.invalid:8443")  # RFC 6761, 6.4
    steps = checked(agent, expect=69)
    assert "the name collector.invalid leads to no address" in steps["name"]["said"]
    assert "/etc/resolv.conf" in steps["name"]["remedy"]
    assert steps["connection"]["said"] == "needs the name"


def test_a_port_that_nobody_listens_on_is_named(agent: Agent) -> None:
    agent.configure(collector="http://127.0.0.1:1")
    steps = checked(agent, expect=69)
    assert steps["connection"]["said"].endswith("127.0.0.1 port 1: Connection refused")
    assert "does the collector run" in steps["connection"]["remedy"]
    assert (steps["collector"]["state"], steps["registration"]["state"]) == ("skipped", "skipped")


@pytest.mark.parametrize(
    ("certificate", "authority", "said", "remedy"),
    [
        ("server", "", "unable to get local issuer certificate", "uplink.ca_file"),
        ("expired", "expired", "certificate has expired", "is the clock right?"),
        ("other_name", "other_name", "not valid for '127.0.0.1'", "as its certificate does"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_named_with_its_reason(
    agent: Agent, certificate: str, authority: str, said: str, remedy: str
) -> None:
    with serving(TLS / f"{certificate}.pem") as collector:
        more = f'ca_file = "{TLS / authority}.pem"\n' if authority else ""
        agent.configure(collector=collector.url, uplink=more)
        step = checked(agent, expect=69)["certificate"]
    assert said in step["said"]
    assert remedy in step["remedy"]


def test_authorities_that_are_not_there_are_named(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authorities.pem")
    with serving(TLS / "server.pem") as collector:
        agent.configure(collector=collector.url)
        steps = checked(agent, expect=78)
    step = steps["certificate"]
    assert "/nowhere/authorities.pem: cannot be read: No such file or directory" in step["said"]
    assert "uplink.ca_file" in step["remedy"]
    assert (steps["collector"]["state"], steps["registration"]["state"]) == ("skipped", "skipped")


def test_a_certificate_of_an_own_authority_is_trusted(agent: Agent) -> None:
    with serving(TLS / "server.pem") as collector:
        agent.configure(collector=collector.url, uplink=f'ca_file = "{TLS}/authority.pem"\n')
        assert "2126" in checked(agent)["certificate"]["said"]


def test_a_port_that_speaks_no_tls_is_named(agent: Agent, collector: Collector) -> None:
    agent.configure(collector=collector.url.replace("http:", "https:"))
    assert "does not speak TLS" in checked(agent, expect=69)["certificate"]["said"]


@pytest.fixture
def closing() -> Iterator[str]:
    """Something that takes connections and answers nothing that is HTTP."""
    import threading  # noqa: PLC0415  # here alone

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"220 mail.example\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_what_is_no_collector_is_named(agent: Agent, closing: str) -> None:
    agent.configure(collector=closing)
    assert states(checked(agent, expect=69))["collector"] == "failed"


@pytest.mark.parametrize(("ahead", "word"), [(7200, "behind"), (-7200, "ahead of")])
def test_clocks_that_are_apart_are_named(agent: Agent, collector: Collector, ahead: float, word: str) -> None:
    collector.ahead_seconds = -ahead
    agent.configure(collector=collector.url)
    step = checked(agent, expect=1)["collector"]
    assert f"s {word} this one" in step["said"]
    assert "NTP" in step["remedy"]


def test_a_token_that_is_not_known_is_named(agent: Agent, collector: Collector) -> None:
    agent.configure(collector=collector.url)
    (agent.home / "token").write_text("another\n")
    step = checked(agent, expect=78)["registration"]
    assert "does not know this sensor's token" in step["said"]
    assert "sensor rotate" in step["remedy"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"sensor": "osaka-01"}, "sensor.id: is tokyo-01, and the token is that of sensor osaka-01"),
        ({"monitored": ["192.0.2.0/25"]}, "sensor.monitored: 192.0.2.0/24 is not registered"),
        ({"monitored": []}, "192.0.2.0/24 is not registered"),
        (
            {"monitored": ["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/64"]},
            "sensor.monitored: 2001:db8::/64 is registered and not monitored",
        ),
    ],
)
def test_a_registration_that_differs_is_named(
    agent: Agent, collector: Collector, told: dict[str, object], said: str
) -> None:
    assert collector.registered is not None
    collector.registered.update(told)
    agent.configure(collector=collector.url)
    step = checked(agent, expect=78)["registration"]
    assert said in step["said"]
    assert step["remedy"]


def test_a_collector_of_before_cannot_tell_and_that_is_no_failure(agent: Agent, collector: Collector) -> None:
    collector.registered = None
    agent.configure(collector=collector.url)
    assert states(checked(agent))["registration"] == "unsure"


def test_what_was_acknowledged_last_is_told(agent: Agent, collector: Collector, tmp_path: Path) -> None:
    agent.configure(collector=collector.url)
    agent.run("replay", write(tmp_path / "a.pcap", days(1)))
    step = checked(agent)["delivery"]
    assert step["state"] == "ok"
    assert step["said"].startswith("last acknowledgement: 20")


def test_batches_that_wait_for_long_are_named(agent: Agent, collector: Collector, tmp_path: Path) -> None:
    agent.configure(collector=collector.url)
    agent.run("replay", write(tmp_path / "a.pcap", days(1)), "--no-upload")
    for batch in agent.spool.glob("*.batch"):
        os.utime(batch, (time.time() - 3600,) * 2)
    step = checked(agent, expect=1)["delivery"]
    assert step["said"].startswith("1 batches wait since 20")
    assert step["said"].endswith("last acknowledgement: never")


def test_batches_that_were_refused_are_named(agent: Agent, collector: Collector, tmp_path: Path) -> None:
    collector.always = Answer(422)
    agent.configure(collector=collector.url)
    agent.run("replay", write(tmp_path / "a.pcap", days(1)), expect=1)
    step = checked(agent, expect=1)["delivery"]
    assert "1 batches were refused" in step["said"]
    assert str(agent.spool / "refused") in step["remedy"]


def test_listening_takes_a_number_of_seconds() -> None:
    assert "'0' is no positive number" in run("check", "--listen", "0", expect=2).stderr
