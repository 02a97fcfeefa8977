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


def test_an_exported_spool_holds_the_same_bytes(agent: Agent, tmp_path: Path) -> None:
    agent.run("replay", write(tmp_path / "a.pcap", days(3)), "--no-upload")
    target = tmp_path / "carried" / "away"
    assert agent.document("spool", "export", target) == {"exported": 3, "directory": str(target)}
    assert {path.name: path.read_bytes() for path in target.iterdir()} == agent.batches()


def test_status_is_readable(agent: Agent) -> None:
    facts, findings = agent.run("status").stdout.split("\n\n", 1)
    lines = dict(line.split(":", 1) for line in facts.splitlines())
    assert lines["sensor"].strip() == "tokyo-01"
    assert lines["last acknowledgement"].strip() == "none yet"
    assert lines["agent"].strip() == "not running"
    assert findings.startswith("! no agent is running\n  -> systemctl start teiten-agent")


@pytest.mark.parametrize("words", [("count", "--tpo", "5", "x"), ("rules", "list", "--jsno")])
def test_an_unknown_option_is_told_beside_those_of_its_command(words: tuple[str, ...]) -> None:
    said = run(*words, expect=2).stderr
    command = "count" if words[0] == "count" else "rules list"
    assert said.startswith(f"usage: teiten-agent {command} ")
    assert f"teiten-agent {command}: error: unrecognized arguments: --" in said
