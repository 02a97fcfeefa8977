"""One sensor's files in a folder, and its commands run as real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from teiten_agent import config
from tests.agent.collector import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = (sys.executable, "-m", "teiten_agent")
PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Agent:
    """A sensor that monitors 192.0.2.0/24.

    Attributes:
        home: The folder of its files.
        name: Its id.
    """

    home: Path
    name: str = "tokyo-01"

    @property
    def spool(self) -> Path:
        """The folder of its spool."""
        return self.home / "spool"

    @property
    def configuration_path(self) -> Path:
        """Where its configuration is."""
        return self.home / "agent.toml"

    @property
    def configuration(self) -> config.Configuration:
        """Its configuration, checked."""
        return config.load(str(self.configuration_path))

    def configure(
        self, *, collector: str = "", seconds: int = 3600, uplink: str = "", more: str = ""
    ) -> Agent:
        """Write configuration and token; `uplink` goes below [uplink], `more` below [spool]."""
        token = self.home / "token"
        token.touch(mode=0o600)
        metrics = "" if "[metrics]" in more else '[metrics]\ntextfile = "agent.prom"\n'
        token.write_text(TOKEN + "\n", encoding="ascii")
        self.configuration_path.write_text(
            f'[sensor]\nid = "{self.name}"\nmonitored = ["192.0.2.0/24"]\n'
            f"[interval]\nseconds = {seconds}\n"
            f'[uplink]\ncollector = "{collector}"\ntoken_file = "token"\n{uplink}'
            f'{metrics}[spool]\ndirectory = "spool"\n{more}',
            encoding="utf-8",
        )
        return self

    def arguments(self, *words: object) -> list[str]:
        """A command's words, with the configuration."""
        return [*COMMAND, *map(str, words), "--config", str(self.configuration_path)]

    def run(self, *words: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command with the configuration to its end."""
        return run(*self.arguments(*words)[len(COMMAND) :], expect=expect)

    def document(self, *words: object, expect: int = 0) -> dict[str, Any]:
        """What a command prints with --json."""
        printed: dict[str, Any] = json.loads(self.run(*words, "--json", expect=expect).stdout)
        return printed

    def batches(self) -> dict[str, bytes]:
        """The batches that wait, by name."""
        return {path.name: path.read_bytes() for path in sorted(self.spool.glob("*.batch"))}


def run(*words: object, expect: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run `teiten-agent` to its end; anything but the expected exit code fails the test."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)], input=stdin, capture_output=True, timeout=PATIENCE_SECONDS, check=False
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == expect, f"exit code {done.returncode}\n{out}\n{err}"
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)
