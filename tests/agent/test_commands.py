"""`check`, `spool export`, `completion`, and what holds for every command."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from teiten_agent import __version__
from tests.agent.agent import Agent, run
from tests.agent.traffic import days, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.collector import Collector

COMMANDS = [
    ("count",),
    ("replay",),
    ("enrol",),
    ("check",),
    ("config", "sample"),
    ("config", "show"),
    ("config", "schema"),
    ("spool", "status"),
    ("spool", "export"),
    ("spool", "upload"),
    ("status",),
    ("completion",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    assert f"usage: teiten-agent {' '.join(words)}" in run(*words, "--help").stdout


def test_the_version_is_stated() -> None:
    assert run("--version").stdout == f"teiten-agent {__version__}\n"


@pytest.mark.parametrize(
    "words", [(), ("cuont",), ("count",), ("count", "--colour", "a"), ("completion", "ksh")]
)
def test_a_mistake_of_usage_ends_with_2(words: tuple[str, ...]) -> None:
    assert "usage: teiten-agent" in run(*words, expect=2).stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_the_commands(shell: str) -> None:
    script = run("completion", shell).stdout
    assert all(words[0] in script for words in COMMANDS)


def test_starting_is_cheap() -> None:
    """The appliance pays for every module: what only the uplink needs is loaded by it alone."""
    program = "import sys, teiten_agent.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"requests", "urllib3", "ssl", "http.client"} & set(loaded)


def test_check_goes_through_everything(agent: Agent, collector: Collector) -> None:
    agent.configure(collector=collector.url)
    document = agent.document("check")
    assert document["ok"] is True
    ok = ("extension", "configuration", "counting", "rules", "spool", "clock", "token", "collector")
    skipped = ("filter", "capture")  # no interface is named: tests/live names one
    expected = dict.fromkeys(ok, "ok") | dict.fromkeys(skipped, "skipped")
    assert {step["name"]: step["state"] for step in document["steps"]} == expected
    assert collector.requests == 0
    assert not agent.spool.exists()


def test_check_skips_the_uplink_where_there_is_none(agent: Agent) -> None:
    states = {step["name"]: step["state"] for step in agent.document("check")["steps"]}
    assert (states["token"], states["collector"]) == ("skipped", "skipped")


def test_check_ends_with_the_code_of_the_first_failure_and_its_remedy(
    agent: Agent, collector: Collector
) -> None:
    agent.configure(collector=collector.url)
    (agent.home / "token").chmod(0o644)
    done = agent.run("check", expect=78)
    assert "failed   token" in done.stdout
    assert f"-> chmod o-rwx {agent.home / 'token'}" in done.stdout
    agent.configuration_path.write_text("[sensor]\n")
    document = agent.document("check", expect=78)
    assert document["ok"] is False
    assert [step["name"] for step in document["steps"] if step["state"] == "failed"] == ["configuration"]


def test_check_names_a_spool_that_cannot_be_written(agent: Agent) -> None:
    agent.configure(more="max_megabytes = 1000000\n")
    done = agent.run("check", expect=73)
    assert "short of what the spool may grow to" in done.stdout


def test_check_names_a_collector_that_does_not_answer(agent: Agent) -> None:
    agent.configure(collector="http://127.0.0.1:1")
    done = agent.run("check", expect=69)
    assert "failed   collector" in done.stdout
    assert "cannot be reached: Connection refused" in done.stdout


def test_an_exported_spool_holds_the_same_bytes(agent: Agent, tmp_path: Path) -> None:
    agent.run("replay", write(tmp_path / "a.pcap", days(3)), "--no-upload")
    target = tmp_path / "carried" / "away"
    assert agent.document("spool", "export", target) == {"exported": 3, "directory": str(target)}
    assert {path.name: path.read_bytes() for path in target.iterdir()} == agent.batches()


def test_status_is_readable(agent: Agent) -> None:
    lines = dict(line.split(":", 1) for line in agent.run("status").stdout.splitlines())
    assert lines["sensor"].strip() == "tokyo-01"
    assert lines["last acknowledgement"].strip() == "none yet"
